// SPDX-License-Identifier: MIT
#include "app/reporter.h"

#include "sinks/json.h"
#include "sinks/table.h"

#include <spdlog/spdlog.h>

namespace forkmon {
namespace {

constexpr std::uint32_t usual_burst = 10;
constexpr int last_patience_ms = 1000;

/// A log goes on where an earlier agent ended; a trace's file is of this trace alone.
Result<Output> open_output(const Options& options) {
  if (!options.output.empty())
    return Output::open(options.output, options.mode == Mode::agent ? Output::Opening::appending
                                                                    : Output::Opening::truncating);
  // A command's standard output is its own.
  return options.command.empty() ? Output::on(STDOUT_FILENO, "standard output")
                                 : Output::on(STDERR_FILENO, "standard error");
}

std::unique_ptr<Sink> make_sink(Format format, Writer& writer, bool is_terminal) {
  auto clock = WallClock::now();
  if (format == Format::json)
    return std::make_unique<JsonSink>(writer, clock);
  return std::make_unique<TableSink>(writer, clock, is_terminal);
}

LogLimiter::Settings limits_of(const Options& options) {
  const std::chrono::duration<double> period(options.log_interval);
  return {.burst = options.log_burst.value_or(options.mode == Mode::agent ? usual_burst : 0),
          .period = std::chrono::duration_cast<std::chrono::nanoseconds>(period)};
}

/// Of findings that say something is wrong; a loss is ours, not the program's.
std::optional<Severity> severity_of(const Finding& finding) {
  if (const auto* call = std::get_if<UnsafeCallFinding>(&finding))
    return call->severity;
  if (const auto* deadlock = std::get_if<DeadlockFinding>(&finding))
    return deadlock->severity;
  if (const auto* child = std::get_if<ChildFinding>(&finding))
    return child->severity;
  return std::nullopt;
}

} // namespace

Reporter::Reporter(Output output, const Options& options)
    : filter_(options.filters, options.all), allow_(options.allow), limiter_(limits_of(options)) {
  const bool is_terminal = output.is_terminal();
  if (options.mode == Mode::agent) {
    auto lossy = std::make_unique<LossyOutput>(std::move(output));
    lossy_ = lossy.get();
    writer_ = std::move(lossy);
  } else {
    writer_ = std::make_unique<Output>(std::move(output));
  }
  sink_ = make_sink(options.format, *writer_, is_terminal);
}

Result<std::unique_ptr<Reporter>> Reporter::open(const Options& options) {
  auto output = open_output(options);
  if (!output)
    return output.error();
  return std::unique_ptr<Reporter>(new Reporter(std::move(*output), options));
}

Status Reporter::reconfigure(const Options& options) {
  auto output = open_output(options);
  if (!output)
    return output.error();
  filter_ = Filter(options.filters, options.all);
  allow_.replace(options.allow);
  limiter_.configure(limits_of(options));
  sink_ = make_sink(options.format, *writer_, output->is_terminal());
  if (lossy_ != nullptr)
    lossy_->replace(std::move(*output));
  return ok();
}

void Reporter::on(const Finding& finding) {
  if (!filter_.concerns(finding))
    return;
  if (allow_.is_idle())
    return tell(finding);
  if (auto rest = allow_.rest_of(finding))
    tell(*rest);
  else
    summary_.on_allowed();
}

void Reporter::tell(const Finding& finding) {
  summary_.on(finding);
  if (metrics_ != nullptr)
    metrics_->on(finding);
  if (!filter_.prints(finding))
    return;
  if (auto severity = severity_of(finding))
    worst_ = std::max(worst_.value_or(*severity), *severity);
  if (limiter_.admits(finding))
    print(finding);
}

template <typename Line>
void Reporter::print(const Line& line) {
  if (output_failed_)
    return;
  auto written = sink_->on(line);
  if (written)
    return;
  output_failed_ = true;
  spdlog::error("findings are no longer written: {}", written.error().message);
}

void Reporter::tick(std::uint64_t now_ns) {
  for (const SuppressedLines& suppressed : limiter_.ended(now_ns))
    print(suppressed);
  if (lossy_ != nullptr)
    report_output(now_ns);
}

/// Losses are told as soon as there is somebody to tell.
void Reporter::report_output(std::uint64_t now_ns) {
  lossy_->flush();
  const bool works = !lossy_->error();
  if (works && output_was_broken_)
    spdlog::info("findings are written again");
  if (!works && !output_was_broken_) {
    output_failures_++;
    spdlog::error("findings are lost until it works again: {}", lossy_->error()->message);
  }
  output_was_broken_ = !works;
  const std::uint64_t lost = lossy_->losses().total() - reported_losses_;
  if (lost == 0 || lossy_->is_waiting() || !works)
    return;
  reported_losses_ += lost;
  print(Finding(LostFinding{now_ns, Severity::warning, "output", lost}));
}

void Reporter::finish(std::uint64_t now_ns) {
  for (const SuppressedLines& suppressed : limiter_.end_all(now_ns))
    print(suppressed);
  if (lossy_ == nullptr)
    return;
  lossy_->drain(last_patience_ms);
  report_output(now_ns);
  lossy_->drain(last_patience_ms);
  if (lossy_->is_waiting())
    spdlog::warn("the last findings are lost: nobody reads them");
}

LossyOutput::Losses Reporter::output_losses() const {
  return lossy_ != nullptr ? lossy_->losses() : LossyOutput::Losses{};
}

} // namespace forkmon
