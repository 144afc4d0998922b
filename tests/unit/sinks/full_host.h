// SPDX-License-Identifier: MIT
/// Metrics of a host as full as the bounds let it be.
#pragma once

#include "sinks/metrics.h"
#include "sinks/samples.h"

#include <string>
#include <vector>

namespace forkmon::samples {

/// Four children with all that can be counted of them; one of them lives on.
inline void live(Metrics& metrics, const std::string& exe, const std::string& container,
                 const std::vector<std::string>& functions, std::uint64_t time_ns) {
  auto place = [&](auto finding) {
    finding.time_ns = time_ns;
    finding.subject.parent.exe = exe;
    if (!container.empty())
      finding.subject.container = Container{"containerd", container};
    return finding;
  };
  for (int i = 0; i < 4; ++i)
    metrics.on(place(TaintedForkFinding{.subject = subject()}));
  for (const std::string& function : functions)
    for (Severity severity : {Severity::warning, Severity::high})
      metrics.on(place(call(function, severity)));
  for (LockKind kind : {LockKind::mutex, LockKind::semaphore, LockKind::unknown}) {
    for (DeadlockFinding stuck : {deadlock(), suspicion()}) {
      stuck.lock.kind = kind;
      metrics.on(place(stuck));
    }
  }
  for (Outcome outcome : {Outcome::exec, Outcome::exit, Outcome::signal}) {
    ChildFinding ended = child(outcome);
    ended.calls.clear();
    metrics.on(place(ended));
  }
}

inline std::vector<std::string> names(const std::string& prefix, std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(prefix + std::to_string(i));
  return all;
}

/// Totals and a state with every field filled, as full as they get on a host.
inline KernelTotals full_totals() {
  KernelTotals totals;
  for (const char* sensor : {"lifecycle", "probes", "page_faults"}) {
    totals.sensor_active[sensor] = true;
    totals.lost[{sensor, "ring_full"}] = 1;
  }
  totals.lost[{"decode", "undecodable"}] = 1;
  totals.lost[{"output", "ring_full"}] = 1;
  totals.required_sensors = {"lifecycle"};
  totals.untracked_children = totals.unwatched_children = 1;
  totals.armed_threads = totals.probe_descriptors = totals.probe_descriptors_limit = 1;
  for (const char* tier : {"hot", "cold"}) {
    totals.rearms[tier] = 1;
    for (const char* reason : {"budget", "exec", "limit"})
      totals.disarms[{tier, reason}] = 1;
  }
  totals.suspects_not_armed = {{"limit", 1}, {"budget", 1}, {"error", 1}};
  totals.workers_armed = 1;
  totals.workers_not_armed = {{"limit", 1}, {"error", 1}};
  totals.libraries_scanned = {{"ok", 1}, {"error", 1}};
  for (const std::string& reason : names("reason", 8))
    totals.library_errors[reason] = 1;
  for (const std::string& program : names("program", 8))
    totals.program_runs[program] = {1, 1};
  for (const std::string& function : names("function", 512))
    totals.calls[function] = 1;
  return totals;
}

inline AgentState full_state() {
  AgentState state;
  state.config = ConfigState{.probe = "auto", .file = "/etc/forkmon/forkmon.toml"};
  state.errors = {{"web", 1}, {"output", 1}, {"log", 1}, {"kernel", 1}};
  state.last_error_seconds = 1;
  for (const char* kind : {"unsafe_call", "deadlock", "deadlock_over", "child", "lost"})
    state.suppressed[kind] = state.allowed[kind] = 1;
  return state;
}

/// More executables, in more containers, than the bounds let through.
inline void fill(Metrics& metrics) {
  const std::vector<std::string> functions = names("function", 40);
  for (std::size_t i = 0; i < 300; ++i)
    live(metrics, "/usr/bin/program" + std::to_string(i),
         std::string(64, "0123456789abcdef"[i % 16]), functions, i * second_ns);
  metrics.update(full_totals(), full_state(), 300 * second_ns);
}

} // namespace forkmon::samples
