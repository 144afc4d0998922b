// SPDX-License-Identifier: MIT
#include "app/reporter.h"

#include "sinks/json.h"
#include "sinks/table.h"

#include <spdlog/spdlog.h>

namespace forkmon {
namespace {

Result<Output> open_output(const Options& options) {
  if (!options.output.empty())
    return Output::open(options.output);
  // A command's standard output is its own.
  return options.command.empty() ? Output::on(STDOUT_FILENO, "standard output")
                                 : Output::on(STDERR_FILENO, "standard error");
}

std::unique_ptr<Sink> make_sink(Format format, Output& output) {
  auto clock = WallClock::now();
  if (format == Format::json)
    return std::make_unique<JsonSink>(output, clock);
  return std::make_unique<TableSink>(output, clock, output.is_terminal());
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
    : filter_(options.filters, options.all), output_(std::move(output)),
      sink_(make_sink(options.format, output_)) {}

Result<std::unique_ptr<Reporter>> Reporter::open(const Options& options) {
  auto output = open_output(options);
  if (!output)
    return output.error();
  return std::unique_ptr<Reporter>(new Reporter(std::move(*output), options));
}

void Reporter::on(const Finding& finding) {
  if (!filter_.concerns(finding))
    return;
  summary_.on(finding);
  if (metrics_ != nullptr)
    metrics_->on(finding);
  if (!filter_.prints(finding))
    return;
  if (auto severity = severity_of(finding))
    worst_ = std::max(worst_.value_or(*severity), *severity);
  print(finding);
}

void Reporter::print(const Finding& finding) {
  if (output_failed_)
    return;
  auto written = sink_->on(finding);
  if (written)
    return;
  output_failed_ = true;
  spdlog::error("findings are no longer written: {}", written.error().message);
}

} // namespace forkmon
