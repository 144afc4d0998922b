// SPDX-License-Identifier: MIT
#include "app/log.h"

#include "util/lossy_output.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <mutex>

namespace forkmon {
namespace {

constexpr const char* pattern = "forkmon: %v";
constexpr std::size_t max_waiting_bytes = 65536;

class LossySink : public spdlog::sinks::base_sink<std::mutex> {
public:
  explicit LossySink(Output output) : output_(std::move(output), max_waiting_bytes) {}

private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    (void)output_.write({line.data(), line.size()});
  }
  void flush_() override { output_.flush(); }

  LossyOutput output_;
};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
  case LogLevel::error:
    return spdlog::level::err;
  case LogLevel::warn:
    return spdlog::level::warn;
  case LogLevel::info:
    break;
  case LogLevel::debug:
    return spdlog::level::debug;
  }
  return spdlog::level::info;
}

} // namespace

void start_log() {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("forkmon"));
  spdlog::set_pattern(pattern);
}

void set_log_level(LogLevel level) {
  spdlog::set_level(level_of(level));
}

Status make_log_lossy() {
  auto output = Output::on(STDERR_FILENO, "standard error");
  if (!output)
    return output.error();
  auto sink = std::make_shared<LossySink>(std::move(*output));
  sink->set_pattern(pattern);
  spdlog::default_logger()->sinks() = {std::move(sink)};
  return ok();
}

void flush_log() {
  spdlog::default_logger()->flush();
}

} // namespace forkmon
