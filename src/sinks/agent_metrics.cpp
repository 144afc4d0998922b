// SPDX-License-Identifier: MIT
#include "sinks/agent_metrics.h"

#include "util/text.h"

namespace forkmon {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::Counter;
using prometheus::Family;

// Sets a counter to a total that only ever grows.
void raise(Counter& counter, std::uint64_t total) {
  counter.Increment(static_cast<double>(total) - counter.Value());
}

void raise_by_kind(Family<Counter>& family, const std::map<std::string, std::uint64_t>& totals) {
  for (const auto& [kind, total] : totals)
    raise(family.Add({{"kind", kind}}), total);
}

} // namespace

AgentMetrics::AgentMetrics(prometheus::Registry& registry)
    : config_info_(BuildGauge()
                       .Name("forkmon_config_info")
                       .Help("Always 1; the configuration is on the labels.")
                       .Register(registry)),
      last_reload_successful_(BuildGauge()
                                  .Name("forkmon_config_last_reload_successful")
                                  .Help("1 where the last load of the configuration worked, else "
                                        "0: the former one is in force.")
                                  .Register(registry)
                                  .Add({})),
      last_reload_success_timestamp_(
          BuildGauge()
              .Name("forkmon_config_last_reload_success_timestamp_seconds")
              .Help("When the configuration in force was loaded, since the epoch.")
              .Register(registry)
              .Add({})),
      config_reloads_(BuildCounter()
                          .Name("forkmon_config_reloads_total")
                          .Help("Attempts to load the configuration anew.")
                          .Register(registry)),
      findings_allowed_(BuildCounter()
                            .Name("forkmon_findings_allowed_total")
                            .Help("Findings that the configuration says are known to be safe: told "
                                  "and counted nowhere else.")
                            .Register(registry)),
      findings_suppressed_(
          BuildCounter()
              .Name("forkmon_findings_suppressed_total")
              .Help("Lines that the rate limit left out of the log; metrics have them.")
              .Register(registry)) {}

void AgentMetrics::update(const AgentState& state) {
  raise_by_kind(findings_allowed_, state.allowed);
  raise_by_kind(findings_suppressed_, state.suppressed);
  if (!state.config)
    return;
  const ConfigState& config = *state.config;
  config_info_.Add({{"probe", config.probe}, {"config_file", for_terminal(config.file)}}).Set(1);
  last_reload_successful_.Set(config.last_reload_successful ? 1 : 0);
  last_reload_success_timestamp_.Set(config.last_success_seconds);
  raise(config_reloads_.Add({{"result", "success"}}), config.reloads_successful);
  raise(config_reloads_.Add({{"result", "failure"}}), config.reloads_failed);
}

} // namespace forkmon
