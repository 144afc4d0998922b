// SPDX-License-Identifier: MIT
/// The metrics of the agent's configuration and of its log (docs/metrics.md).
#pragma once

#include "forkmon/agent_state.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace forkmon {

class AgentMetrics {
public:
  /// Adds its families to the registry, which must outlive it.
  explicit AgentMetrics(prometheus::Registry& registry);

  void update(const AgentState& state);

private:
  prometheus::Family<prometheus::Gauge>& config_info_;
  prometheus::Gauge& last_reload_successful_;
  prometheus::Gauge& last_reload_success_timestamp_;
  prometheus::Family<prometheus::Counter>& config_reloads_;
  prometheus::Family<prometheus::Counter>& findings_allowed_;
  prometheus::Family<prometheus::Counter>& findings_suppressed_;
};

} // namespace forkmon
