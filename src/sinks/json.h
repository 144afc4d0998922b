// SPDX-License-Identifier: MIT
/// Findings as JSON lines. The form is a contract: fields are added, never renamed.
#pragma once

#include "sinks/sink.h"
#include "util/output.h"
#include "util/time.h"

#include <string>

namespace forkmon {

/// One object and a newline, printable ASCII only: foreign bytes are escaped, and those that are
/// no UTF-8 are replaced. Empty for what is counted and never printed: a TaintedForkFinding, and a
/// DeadlockOverFinding of a child that has ended.
std::string to_json_line(const Finding& finding, const WallClock& clock);
std::string to_json_line(const SuppressedLines& suppressed, const WallClock& clock);

/// Writes each finding at once. The output must outlive the sink.
class JsonSink : public Sink {
public:
  JsonSink(Writer& output, const WallClock& clock) : output_(output), clock_(clock) {}
  Status on(const Finding& finding) override;
  Status on(const SuppressedLines& suppressed) override;

private:
  Writer& output_;
  WallClock clock_;
};

} // namespace forkmon
