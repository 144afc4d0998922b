// SPDX-License-Identifier: MIT
#include "app/check_report.h"
#include "app/options.h"
#include "app/session.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

int main(int argc, char** argv) {
  using namespace forkmon;
  spdlog::set_default_logger(spdlog::stderr_color_st("forkmon"));
  spdlog::set_pattern("forkmon: %v");
  auto parsed = parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed))
    return *status;
  const auto& options = std::get<Options>(parsed);
  return options.mode == Mode::check ? report_check(options.pid) : run_session(options);
}
