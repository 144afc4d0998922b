// SPDX-License-Identifier: MIT
/// Findings as metrics: counters, gauges and histograms by executable and container.
#pragma once

#include "forkmon/finding.h"
#include "sinks/bounded_series.h"
#include "sinks/offender.h"

#include <prometheus/histogram.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace forkmon {

/// Not for several threads at once.
class FindingMetrics {
public:
  /// `max_label_values`: how many executables a metric tells apart; at least 1.
  explicit FindingMetrics(std::size_t max_label_values);

  /// Losses are not counted here: the kernel counts them exactly.
  void on(const Finding& finding);
  /// Removes the series of executables that have had no finding for an hour and have no living
  /// tainted child.
  void age_out(std::uint64_t now_ns);

  std::vector<prometheus::MetricFamily> collect() const;
  std::size_t series() const;
  /// Series folded into "other", by metric.
  std::map<std::string, std::uint64_t> overflows() const;
  /// The `max` worst executables, the worst first.
  std::vector<Offender> offenders(std::size_t max) const;

private:
  void add(const TaintedForkFinding& fork);
  void add(const UnsafeCallFinding& call);
  void add(const DeadlockFinding& deadlock);
  void add(const DeadlockOverFinding& over);
  void add(const ChildFinding& child);
  void add(const LostFinding&) {}

  BoundedCounters tainted_forks_, unsafe_calls_, children_, deadlocks_, suspected_deadlocks_;
  BoundedGauges live_children_, deadlocked_children_, suspected_children_;
  prometheus::Histogram parent_threads_, fork_to_exec_;
};

} // namespace forkmon
