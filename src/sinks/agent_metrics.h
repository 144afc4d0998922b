// SPDX-License-Identifier: MIT
/// The kernel's totals, the sensors' state and the agent's own as metrics. What has not been filled
/// in is not exported.
#pragma once

#include "forkmon/agent_state.h"
#include "forkmon/totals.h"
#include "sinks/bounded_series.h"

#include <prometheus/registry.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace forkmon {

/// Not for several threads at once.
class AgentMetrics {
public:
  AgentMetrics(const std::string& version, std::size_t max_label_values);

  /// Also reads what this process uses.
  void update(const KernelTotals& totals, const AgentState& state, std::uint64_t now_ns);
  /// What the series of findings come to, and how many of each metric were folded.
  void update_series(std::size_t series, const std::map<std::string, std::uint64_t>& overflows);

  std::vector<prometheus::MetricFamily> collect() const;

private:
  using Totals = std::map<std::string, std::uint64_t>;
  using PairTotals = std::map<std::pair<std::string, std::string>, std::uint64_t>;
  void set(const MetricInfo& info, const LabelValues& values, double value);
  void set(const MetricInfo& info, const std::optional<std::uint64_t>& value);
  void raise(const MetricInfo& info, const LabelValues& values, double total);
  void raise_each(const MetricInfo& info, const Totals& totals);
  void raise_each(const MetricInfo& info, const PairTotals& totals);
  void update_counters(const KernelTotals& totals);
  void update_losses(const KernelTotals& totals);
  void update_children(const KernelTotals& totals);
  void update_functions(const Totals& calls, std::uint64_t now_ns);
  void update_sensors(const KernelTotals& totals);
  void update_probes(const KernelTotals& totals);
  void update_config(const ConfigState& config);
  void update_process();

  prometheus::Registry registry_;
  BoundedCounters function_calls_;
  Totals counted_calls_; ///< what function_calls_ holds, by function
};

} // namespace forkmon
