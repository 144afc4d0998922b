// SPDX-License-Identifier: MIT
/// Findings to those who want them: the printed output, the summary, the metrics.
#pragma once

#include "app/filter.h"
#include "sinks/metrics.h"
#include "sinks/sink.h"
#include "sinks/summary.h"
#include "util/output.h"
#include "util/time.h"

#include <memory>

namespace forkmon {

class Reporter {
public:
  /// Opens the output of the options.
  static Result<std::unique_ptr<Reporter>> open(const Options& options);

  /// From here on findings are counted there too.
  void count_in(Metrics& metrics) { metrics_ = &metrics; }

  void on(const Finding& finding);

  /// The worst that was seen; nothing where nothing was.
  std::optional<Severity> worst() const { return worst_; }
  /// Writing failed: it has been said on stderr, and nothing more is written.
  bool output_failed() const { return output_failed_; }
  const Summary& summary() const { return summary_; }

private:
  Reporter(Output output, const Options& options);
  void print(const Finding& finding);

  Filter filter_;
  Output output_;
  std::unique_ptr<Sink> sink_; ///< writes to output_
  Summary summary_;
  Metrics* metrics_ = nullptr;
  std::optional<Severity> worst_;
  bool output_failed_ = false;
};

} // namespace forkmon
