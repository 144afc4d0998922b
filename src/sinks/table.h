// SPDX-License-Identifier: MIT
/// Findings as a live table, for people.
#pragma once

#include "sinks/sink.h"
#include "util/output.h"
#include "util/time.h"

#include <string>

namespace forkmon {

/// One row per finding, written at once, under a header that comes with the first row. Columns
/// line up whatever names processes gave themselves. The output must outlive the sink.
class TableSink : public Sink {
public:
  /// `color`: severities in colour; for terminals only.
  TableSink(Writer& output, const WallClock& clock, bool color)
      : output_(output), clock_(clock), color_(color) {}
  Status on(const Finding& finding) override;
  Status on(const SuppressedLines& suppressed) override;

private:
  Status write(const std::string& line);

  Writer& output_;
  WallClock clock_;
  bool color_;
  bool header_written_ = false;
};

} // namespace forkmon
