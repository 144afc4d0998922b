// SPDX-License-Identifier: MIT
#include "sinks/agent_metrics.h"

#include "sinks/process_stats.h"
#include "util/text.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>

namespace forkmon {
namespace {

prometheus::Labels labels_of(const MetricInfo& info, const LabelValues& values) {
  prometheus::Labels labels;
  for (std::size_t i = 0; i < values.size(); ++i)
    labels.emplace(info.labels[i].name, for_terminal(values[i]));
  return labels;
}

} // namespace

AgentMetrics::AgentMetrics(const std::string& version, std::size_t max_label_values)
    : function_calls_(metric::function_calls,
                      metric::function_calls.series_per_value * max_label_values) {
  set(metric::build_info, {version}, 1);
  update_process();
}

void AgentMetrics::set(const MetricInfo& info, const LabelValues& values, double value) {
  prometheus::BuildGauge()
      .Name(info.name)
      .Help(info.help)
      .Register(registry_)
      .Add(labels_of(info, values))
      .Set(value);
}

void AgentMetrics::set(const MetricInfo& info, const std::optional<std::uint64_t>& value) {
  if (value)
    set(info, {}, static_cast<double>(*value));
}

/// To a total that only ever grows: a lower one, as of counters that could not be read, is ignored.
void AgentMetrics::raise(const MetricInfo& info, const LabelValues& values, double total) {
  prometheus::Counter& counter =
      prometheus::BuildCounter().Name(info.name).Help(info.help).Register(registry_).Add(
          labels_of(info, values));
  counter.Increment(total - counter.Value()); // ignores a negative difference
}

void AgentMetrics::raise_each(const MetricInfo& info, const Totals& totals) {
  for (const auto& [value, total] : totals)
    raise(info, {value}, static_cast<double>(total));
}

void AgentMetrics::raise_each(const MetricInfo& info, const PairTotals& totals) {
  for (const auto& [values, total] : totals)
    raise(info, {values.first, values.second}, static_cast<double>(total));
}

void AgentMetrics::update(const KernelTotals& totals, const AgentState& state,
                          std::uint64_t now_ns) {
  if (totals.counters_read)
    update_counters(totals);
  update_functions(totals.calls, now_ns);
  update_losses(totals);
  update_children(totals);
  update_sensors(totals);
  update_probes(totals);
  if (state.config)
    update_config(*state.config);
  raise_each(metric::errors, state.errors);
  if (state.last_error_seconds)
    set(metric::last_error_time, {}, *state.last_error_seconds);
  raise_each(metric::suppressed, state.suppressed);
  raise_each(metric::allowed, state.allowed);
  update_process();
}

void AgentMetrics::update_counters(const KernelTotals& totals) {
  raise_each(metric::forks,
             {{"fork", totals.forks}, {"vfork", totals.vforks}, {"thread", totals.threads}});
  raise(metric::probe_hits, {}, static_cast<double>(totals.probe_hits));
  raise(metric::unresolved_hits, {}, static_cast<double>(totals.unresolved_hits));
}

void AgentMetrics::update_losses(const KernelTotals& totals) {
  raise_each(metric::events_lost, totals.lost);
  for (const auto& [program, runs] : totals.program_runs) {
    raise(metric::program_seconds, {program}, runs.seconds);
    raise(metric::program_runs, {program}, static_cast<double>(runs.runs));
  }
}

void AgentMetrics::update_children(const KernelTotals& totals) {
  if (totals.untracked_children)
    raise(metric::untracked_children, {}, static_cast<double>(*totals.untracked_children));
  set(metric::unwatched_children, totals.unwatched_children);
}

void AgentMetrics::update_functions(const Totals& calls, std::uint64_t now_ns) {
  for (const auto& [function, total] : calls) {
    std::uint64_t& counted = counted_calls_[function];
    if (total <= counted)
      continue;
    function_calls_.add({for_terminal(function)}, static_cast<double>(total - counted), now_ns);
    counted = total;
  }
}

void AgentMetrics::update_sensors(const KernelTotals& totals) {
  for (const auto& [sensor, active] : totals.sensor_active)
    set(metric::sensor_active, {sensor}, active ? 1 : 0);
  if (!totals.required_sensors.empty())
    set(metric::ready, {}, totals.missing_sensors().empty() ? 1 : 0);
}

void AgentMetrics::update_probes(const KernelTotals& totals) {
  set(metric::armed_families, totals.armed_families);
  set(metric::armed_threads, totals.armed_threads);
  set(metric::probe_descriptors, totals.probe_descriptors);
  set(metric::probe_descriptors_limit, totals.probe_descriptors_limit);
  raise_each(metric::disarms, totals.disarms);
  raise_each(metric::rearms, totals.rearms);
  raise_each(metric::suspects_not_armed, totals.suspects_not_armed);
  if (totals.workers_armed)
    raise(metric::workers_armed, {}, static_cast<double>(*totals.workers_armed));
  raise_each(metric::workers_not_armed, totals.workers_not_armed);
  raise_each(metric::libraries_scanned, totals.libraries_scanned);
  raise_each(metric::library_errors, totals.library_errors);
}

void AgentMetrics::update_config(const ConfigState& config) {
  set(metric::config_info, {config.probe, config.file}, 1);
  set(metric::reload_successful, {}, config.last_reload_successful ? 1 : 0);
  set(metric::reload_success_time, {}, config.last_success_seconds);
  raise_each(metric::reloads,
             {{"success", config.reloads_successful}, {"failure", config.reloads_failed}});
}

void AgentMetrics::update_process() {
  const ProcessStats stats = ProcessStats::read();
  raise(metric::process_cpu, {}, stats.cpu_seconds);
  set(metric::process_memory, {}, stats.resident_memory_bytes);
  set(metric::process_fds, {}, stats.open_fds);
  set(metric::process_start, {}, stats.start_time_seconds);
}

void AgentMetrics::update_series(std::size_t series,
                                 const std::map<std::string, std::uint64_t>& overflows) {
  set(metric::series, {}, static_cast<double>(series + function_calls_.size()));
  raise_each(metric::label_overflow, overflows);
  raise(metric::label_overflow, {metric::function_calls.name},
        static_cast<double>(function_calls_.overflows()));
}

std::vector<prometheus::MetricFamily> AgentMetrics::collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  families.push_back(function_calls_.collect());
  return families;
}

} // namespace forkmon
