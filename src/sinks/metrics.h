// SPDX-License-Identifier: MIT
/// Findings, totals and the agent's state as Prometheus metrics: see metric_table.h.
#pragma once

#include "forkmon/agent_state.h"
#include "forkmon/finding.h"
#include "forkmon/totals.h"
#include "sinks/offender.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace forkmon {

/// May be used by several threads at once: the agent's counts, the web server's reads.
class Metrics {
public:
  /// Keeps a host below 500 series (tests/unit/sinks/metrics_test.cpp).
  static constexpr std::size_t default_max_label_values = 20;

  /// `max_label_values`: how many executables, each with its container, a metric tells apart; the
  /// least recently used are folded into "other". At least 1.
  explicit Metrics(const std::string& version,
                   std::size_t max_label_values = default_max_label_values);
  ~Metrics();

  /// Losses are not counted here but by update(), exactly.
  void on(const Finding& finding);

  /// Takes over the totals and the state, reads what this process uses, and lets series go that
  /// have not been used for an hour. `now_ns`: CLOCK_MONOTONIC, as in findings.
  void update(const KernelTotals& totals, const AgentState& state, std::uint64_t now_ns);

  /// What a scrape gets, in Prometheus' text format.
  std::string text() const;

  /// The `max` worst executables, the worst first.
  std::vector<Offender> offenders(std::size_t max) const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace forkmon
