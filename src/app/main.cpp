// SPDX-License-Identifier: MIT
#include "app/check_report.h"
#include "app/log.h"
#include "app/options.h"
#include "app/session.h"

int main(int argc, char** argv) {
  using namespace forkmon;
  start_log();
  auto parsed = parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed))
    return *status;
  const auto& options = std::get<Options>(parsed);
  set_log_level(options.log_level);
  if (options.mode == Mode::check)
    return report_check(options.pid);
  return run_session(options, [=] { return reread_options(argc, argv); });
}
