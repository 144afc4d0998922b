// SPDX-License-Identifier: MIT
/// Findings to those who want them: the printed output, the summary, the metrics.
#pragma once

#include "app/allow_list.h"
#include "app/filter.h"
#include "app/log_limiter.h"
#include "sinks/metrics.h"
#include "sinks/sink.h"
#include "sinks/summary.h"
#include "util/lossy_output.h"
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
  /// Writes what waits, and says what was left out. To be called from time to time.
  void tick(std::uint64_t now_ns);
  /// Says what is left to say, and waits for a slow reader, but not for one that takes nothing for
  /// a second.
  void finish(std::uint64_t now_ns);

  /// From here on reports by these options, and opens the output anew: the file may have been
  /// moved away. On an Error everything stays as it was.
  Status reconfigure(const Options& options);

  /// The worst that was seen; nothing where nothing was.
  std::optional<Severity> worst() const { return worst_; }
  /// Writing failed: it has been said on stderr, and nothing more is written.
  bool output_failed() const { return output_failed_; }
  const Summary& summary() const { return summary_; }
  /// Findings left out by [[allow]], and lines left out by the rate limit, by kind.
  const std::map<std::string, std::uint64_t>& allowed() const { return allow_.allowed(); }
  const std::map<std::string, std::uint64_t>& suppressed() const { return limiter_.suppressed(); }
  /// How often the agent's output has stopped to work.
  std::uint64_t output_failures() const { return output_failures_; }
  /// Lines that the output did not take.
  LossyOutput::Losses output_losses() const;

private:
  Reporter(Output output, const Options& options);
  void tell(const Finding& finding);
  template <typename Line>
  void print(const Line& line);
  void report_output(std::uint64_t now_ns);

  Filter filter_;
  AllowList allow_;
  LogLimiter limiter_;
  std::unique_ptr<Writer> writer_;
  LossyOutput* lossy_ = nullptr; ///< the writer, where it never waits: in the agent
  std::unique_ptr<Sink> sink_;   ///< writes to writer_
  Summary summary_;
  Metrics* metrics_ = nullptr;
  std::optional<Severity> worst_;
  bool output_failed_ = false;
  bool output_was_broken_ = false;
  std::uint64_t output_failures_ = 0;
  std::uint64_t reported_losses_ = 0;
};

} // namespace forkmon
