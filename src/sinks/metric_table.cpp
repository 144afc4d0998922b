// SPDX-License-Identifier: MIT
#include "sinks/metric_table.h"

#include <array>

namespace forkmon {
namespace metric {
namespace {

constexpr auto counter = prometheus::MetricType::Counter;
constexpr auto gauge = prometheus::MetricType::Gauge;
constexpr auto histogram = prometheus::MetricType::Histogram;
constexpr auto in_children = MetricGroup::children;
constexpr auto in_deadlocks = MetricGroup::deadlocks;
constexpr auto in_kernel = MetricGroup::kernel;
constexpr auto in_probes = MetricGroup::probes;
constexpr auto in_agent = MetricGroup::agent;

const MetricLabel exe{"exe", LabelKind::foreign};
const MetricLabel container{"container_id", LabelKind::foreign};
const MetricLabel function{"function", LabelKind::foreign};
const MetricLabel category{"category", LabelKind::foreign};
const MetricLabel severity{"severity", LabelKind::ours, "info, warning, high"};
const MetricLabel lock{"lock", LabelKind::ours,
                       "mutex, semaphore, rwlock, condition, once, guard, file, arena, loader, "
                       "libc, rust_mutex, absl, "
                       "go_runtime, unknown"};
const MetricLabel outcome{"outcome", LabelKind::ours, "exec, exit, signal"};
const MetricLabel mode{"mode", LabelKind::ours, "fork, vfork, thread"};
const MetricLabel sensor{"sensor", LabelKind::ours, "lifecycle, probes, page_faults"};
const MetricLabel lost_by{"sensor", LabelKind::ours,
                          "lifecycle, probes, page_faults, discovery, decode, output"};
const MetricLabel loss_reason{"reason", LabelKind::ours,
                              "ring_full, kernel_skipped, undecodable, buffer_full, write_error"};
const MetricLabel tier{"tier", LabelKind::ours, "hot, cold"};
const MetricLabel disarm_reason{"reason", LabelKind::ours, "budget, exec, limit"};
const MetricLabel arming_reason{"reason", LabelKind::ours, "limit, budget, error"};
const MetricLabel worker_reason{"reason", LabelKind::ours, "limit, error"};
const MetricLabel reload_result{"result", LabelKind::ours, "success, failure"};
const MetricLabel scan_result{"result", LabelKind::ours, "ok, error"};
const MetricLabel scan_reason{"reason"};
const MetricLabel program{"program"};
const MetricLabel version{"version"};
const MetricLabel config_file{"config_file"};
const MetricLabel component{"component", LabelKind::ours, "counters, output"};
const MetricLabel kind{"kind", LabelKind::ours,
                       "unsafe_call, deadlock, deadlock_over, child, lost"};
const MetricLabel overflowing{"metric", LabelKind::ours, "the name of that metric"};
const MetricLabel policy{"probe", LabelKind::ours, "auto, all, none"};

} // namespace

const MetricInfo tainted_forks{
    "forkmon_tainted_forks_total",
    counter,
    in_children,
    {exe, container},
    "Processes forked by a process with several threads, or by a tainted one; also those that "
    "were there when forkmon came and were adopted.",
    1};
const MetricInfo unsafe_calls{
    "forkmon_unsafe_calls_total",
    counter,
    in_children,
    {exe, function, category, severity, container},
    "Calls of async-signal-unsafe functions by tainted children: the first of each function at "
    "once, the others at the child's exec or end.",
    5};
const MetricInfo children{"forkmon_children_total",
                          counter,
                          in_children,
                          {exe, outcome},
                          "Tainted children that called exec or ended.",
                          2};
const MetricInfo live_children{"forkmon_live_tainted_children",
                               gauge,
                               in_children,
                               {exe},
                               "Tainted children that live on without exec.",
                               1};
const MetricInfo untracked_children{
    "forkmon_untracked_children_total",
    counter,
    in_children,
    {},
    "Tainted children that came while 65,536 were alive: their calls and ends are reported, but "
    "nothing is kept of them in between."};
const MetricInfo unwatched_children{
    "forkmon_unwatched_children",
    gauge,
    in_children,
    {},
    "Living tainted children that there is no room to watch for deadlocks."};
const MetricInfo parent_threads{"forkmon_parent_threads",
                                histogram,
                                in_children,
                                {},
                                "Threads of the parent at a tainted fork."};
const MetricInfo fork_to_exec{"forkmon_fork_to_exec_seconds",
                              histogram,
                              in_children,
                              {},
                              "Time from a tainted fork to the child's exec."};

const MetricInfo deadlocks{"forkmon_deadlocks_total",
                           counter,
                           in_deadlocks,
                           {exe, lock, container},
                           "Tainted children proven to wait for ever.",
                           1};
const MetricInfo deadlocked_children{
    "forkmon_deadlocked_children",
    gauge,
    in_deadlocks,
    {exe, container},
    "Living tainted children proven to wait for ever; falls when one is killed.",
    1};
const MetricInfo suspected_deadlocks{
    "forkmon_suspected_deadlocks_total",
    counter,
    in_deadlocks,
    {exe, lock},
    "Tainted children that do not go on, suspected with severity warning or above.",
    1};
const MetricInfo suspected_children{
    "forkmon_suspected_children",
    gauge,
    in_deadlocks,
    {exe},
    "Living tainted children that do not go on, suspected with severity warning or above.",
    1};

const MetricInfo forks{
    "forkmon_forks_total",
    counter,
    in_kernel,
    {mode},
    "Processes made with a copied address space (fork), sharing their parent's (vfork, "
    "posix_spawn), and threads."};
const MetricInfo function_calls{
    "forkmon_function_calls_total",
    counter,
    in_kernel,
    {function},
    "Calls of async-signal-unsafe functions by tainted children that probes saw, a function of "
    "several libraries summed up.",
    2};
const MetricInfo events_lost{
    "forkmon_events_lost_total",
    counter,
    in_kernel,
    {lost_by, loss_reason},
    "Records that found no room in the ring buffer, by the sensor that sent them, or that made no "
    "sense (decode), and lines that the reader of the findings did not take (output)."};
const MetricInfo sensor_active{
    "forkmon_sensor_active", gauge, in_kernel, {sensor}, "1 where the sensor is at work, else 0."};
const MetricInfo ready{"forkmon_ready",
                       gauge,
                       in_kernel,
                       {},
                       "1 while all required sensors are at work, else 0; as /readyz tells."};
const MetricInfo program_seconds{
    "forkmon_bpf_run_seconds_total",
    counter,
    in_kernel,
    {program},
    "Time that a BPF program ran, as the kernel counts it while kernel.bpf_stats_enabled is 1."};
const MetricInfo program_runs{
    "forkmon_bpf_runs_total",
    counter,
    in_kernel,
    {program},
    "How often a BPF program ran, as the kernel counts it while kernel.bpf_stats_enabled is 1."};

const MetricInfo probe_hits{
    "forkmon_probe_hits_total",
    counter,
    in_probes,
    {},
    "Probe hits, whoever made them: what the traps cost goes by this number."};
const MetricInfo unresolved_hits{
    "forkmon_unresolved_probe_hits_total",
    counter,
    in_probes,
    {},
    "Probe hits by tainted children for which no function could be named; such a child is not "
    "exact."};
const MetricInfo armed_families{
    "forkmon_armed_families", gauge, in_probes, {}, "Armed processes, each with what it forks."};
const MetricInfo armed_threads{
    "forkmon_armed_threads", gauge, in_probes, {}, "Threads on which probes were put."};
const MetricInfo probe_descriptors{
    "forkmon_probe_descriptors", gauge, in_probes, {}, "File descriptors that the probes hold."};
const MetricInfo probe_descriptors_limit{
    "forkmon_probe_descriptors_limit", gauge, in_probes, {}, "How many the probes may hold."};
const MetricInfo disarms{"forkmon_probe_disarms_total",
                         counter,
                         in_probes,
                         {tier, disarm_reason},
                         "Processes whose probes were taken off before they ended."};
const MetricInfo rearms{"forkmon_probe_rearms_total",
                        counter,
                        in_probes,
                        {tier},
                        "Processes that got probes back that had been taken off."};
const MetricInfo suspects_not_armed{"forkmon_suspects_not_armed_total",
                                    counter,
                                    in_probes,
                                    {arming_reason},
                                    "Suspects that were left without probes."};
const MetricInfo workers_armed{"forkmon_workers_armed_total",
                               counter,
                               in_probes,
                               {},
                               "Children that got probes while they lived."};
const MetricInfo workers_not_armed{
    "forkmon_workers_not_armed_total",
    counter,
    in_probes,
    {worker_reason},
    "Living children of armed families that were left without probes."};
const MetricInfo libraries_scanned{"forkmon_libraries_scanned_total",
                                   counter,
                                   in_probes,
                                   {scan_result},
                                   "Files that were looked at for functions to probe."};
const MetricInfo library_errors{"forkmon_library_errors_total",
                                counter,
                                in_probes,
                                {scan_reason},
                                "Files that could not be looked at, by reason."};

const MetricInfo build_info{"forkmon_build_info", gauge, in_agent, {version}, "Always 1."};
const MetricInfo config_info{"forkmon_config_info",
                             gauge,
                             in_agent,
                             {policy, config_file},
                             "Always 1: the probe policy, and the configuration file in use."};
const MetricInfo reload_successful{
    "forkmon_config_last_reload_successful",
    gauge,
    in_agent,
    {},
    "1 where the configuration read last is in force, 0 where it was bad and an older one is."};
const MetricInfo reload_success_time{
    "forkmon_config_last_reload_success_timestamp_seconds",
    gauge,
    in_agent,
    {},
    "When the configuration in force was read, in seconds since the epoch."};
const MetricInfo reloads{"forkmon_config_reloads_total",
                         counter,
                         in_agent,
                         {reload_result},
                         "Attempts to read the configuration again."};
const MetricInfo errors{"forkmon_errors_total",
                        counter,
                        in_agent,
                        {component},
                        "Errors of the agent's own, by the part that had them."};
const MetricInfo last_error_time{"forkmon_last_error_timestamp_seconds",
                                 gauge,
                                 in_agent,
                                 {},
                                 "When the agent last had an error, in seconds since the epoch."};
const MetricInfo suppressed{
    "forkmon_findings_suppressed_total",
    counter,
    in_agent,
    {kind},
    "Findings left out of the log by its rate limit; they count in all other metrics."};
const MetricInfo allowed{
    "forkmon_findings_allowed_total",
    counter,
    in_agent,
    {kind},
    "Findings that the configuration calls known to be safe; they are told and counted nowhere "
    "else."};
const MetricInfo series{
    "forkmon_series", gauge, in_agent, {}, "Time series that the agent exposes of findings."};
const MetricInfo label_overflow{
    "forkmon_label_overflow_total",
    counter,
    in_agent,
    {overflowing},
    "Series that were folded into \"other\" because a metric had reached its bound."};
const MetricInfo process_cpu{
    "process_cpu_seconds_total", counter, in_agent, {}, "User and system CPU time of the agent."};
const MetricInfo process_memory{
    "process_resident_memory_bytes", gauge, in_agent, {}, "Resident memory of the agent."};
const MetricInfo process_fds{
    "process_open_fds", gauge, in_agent, {}, "Open file descriptors of the agent."};
const MetricInfo process_start{"process_start_time_seconds",
                               gauge,
                               in_agent,
                               {},
                               "Start of the agent, in seconds since the epoch."};

} // namespace metric

std::span<const MetricInfo* const> all_metrics() {
  using namespace metric;
  static constexpr std::array all{&tainted_forks,
                                  &unsafe_calls,
                                  &children,
                                  &live_children,
                                  &untracked_children,
                                  &unwatched_children,
                                  &parent_threads,
                                  &fork_to_exec,
                                  &deadlocks,
                                  &deadlocked_children,
                                  &suspected_deadlocks,
                                  &suspected_children,
                                  &forks,
                                  &function_calls,
                                  &events_lost,
                                  &sensor_active,
                                  &ready,
                                  &program_seconds,
                                  &program_runs,
                                  &probe_hits,
                                  &unresolved_hits,
                                  &armed_families,
                                  &armed_threads,
                                  &probe_descriptors,
                                  &probe_descriptors_limit,
                                  &disarms,
                                  &rearms,
                                  &suspects_not_armed,
                                  &workers_armed,
                                  &workers_not_armed,
                                  &libraries_scanned,
                                  &library_errors,
                                  &build_info,
                                  &config_info,
                                  &reload_successful,
                                  &reload_success_time,
                                  &reloads,
                                  &errors,
                                  &last_error_time,
                                  &suppressed,
                                  &allowed,
                                  &series,
                                  &label_overflow,
                                  &process_cpu,
                                  &process_memory,
                                  &process_fds,
                                  &process_start};
  return all;
}

LabelValues folded(const MetricInfo& info, LabelValues values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (info.labels[i].kind == LabelKind::foreign)
      values[i] = other_label;
  return values;
}

} // namespace forkmon
