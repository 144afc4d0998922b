// SPDX-License-Identifier: MIT
/// Every metric that forkmon exports: names are a contract, added to, never renamed. The tables of
/// docs/metrics.md are made of this one.
#pragma once

#include <prometheus/metric_type.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// What a label may hold.
enum class LabelKind {
  ours,   ///< one of a few words of our own
  foreign ///< what processes and files are called: bounded, and folded into "other"
};

struct MetricLabel {
  const char* name;
  LabelKind kind = LabelKind::ours;
  const char* values = ""; ///< those of a label of our own, where they are few
};

/// The groups of docs/metrics.md, in order.
enum class MetricGroup { children, deadlocks, kernel, probes, agent };

struct MetricInfo {
  const char* name;
  prometheus::MetricType type;
  MetricGroup group;
  std::vector<MetricLabel> labels;
  const char* help; ///< of the exposition and of docs/metrics.md; one line
  /// Series of one metric with foreign labels are bounded to this many times --max-label-values:
  /// how many an executable usually has.
  std::size_t series_per_value = 0;
};

namespace metric {
extern const MetricInfo tainted_forks, unsafe_calls, children, live_children, untracked_children,
    unwatched_children, parent_threads, fork_to_exec;
extern const MetricInfo deadlocks, deadlocked_children, suspected_deadlocks, suspected_children;
extern const MetricInfo forks, function_calls, events_lost, sensor_active, ready, program_seconds,
    program_runs;
extern const MetricInfo probe_hits, unresolved_hits, armed_families, armed_threads,
    probe_descriptors, probe_descriptors_limit, disarms, rearms, suspects_not_armed, workers_armed,
    workers_not_armed, libraries_scanned, library_errors;
extern const MetricInfo build_info, config_info, reload_successful, reload_success_time, reloads,
    errors, last_error_time, suppressed, allowed, series, label_overflow;
extern const MetricInfo process_cpu, process_memory, process_fds, process_start;
} // namespace metric

/// All of the above, by group.
std::span<const MetricInfo* const> all_metrics();

/// The value that takes in all others of a foreign label.
constexpr std::string_view other_label = "other";

/// The values of a metric's labels, in the order of its definition.
using LabelValues = std::vector<std::string>;

/// `values` with "other" for each foreign label.
LabelValues folded(const MetricInfo& info, LabelValues values);

} // namespace forkmon
