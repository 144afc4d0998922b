// SPDX-License-Identifier: MIT
/// Counts that hold whether or not the agent keeps up with the ring buffer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace forkmon {

/// What the kernel's BPF statistics say of one program (kernel.bpf_stats_enabled).
struct ProgramRuns {
  double seconds = 0;
  std::uint64_t runs = 0;
};

/// A snapshot of the kernel's own counts since the sensors started, and of the sensors' state.
/// What is optional, or a map, and has not been filled in is not exported as a metric.
struct KernelTotals {
  bool counters_read = true;         ///< else those that follow, up to `calls`, say nothing
  std::uint64_t forks = 0;           ///< processes made with a copied address space
  std::uint64_t vforks = 0;          ///< processes that share their parent's: vfork, posix_spawn
  std::uint64_t threads = 0;         ///< threads started
  std::uint64_t tainted_forks = 0;   ///< of `forks`, those that tainted the child
  std::uint64_t probe_hits = 0;      ///< whoever made them
  std::uint64_t unresolved_hits = 0; ///< by tainted children, where no function could be named
  std::map<std::string, std::uint64_t> calls; ///< by tainted children, by function
  /// Records that were dropped, by sensor and reason (ring_full, undecodable).
  std::map<std::pair<std::string, std::string>, std::uint64_t> lost;
  std::map<std::string, ProgramRuns> program_runs; ///< by program

  std::optional<std::uint64_t> untracked_children; ///< that there was no room to keep track of
  std::optional<std::uint64_t> unwatched_children; ///< living, with no room to watch them; now

  std::map<std::string, bool> sensor_active; ///< by sensor
  std::set<std::string> required_sensors;    ///< without one of these the agent is not ready
  std::uint64_t armed_families = 0;          ///< now
  std::optional<std::uint64_t> armed_threads;
  std::optional<std::uint64_t> probe_descriptors; ///< perf events that are open for probes
  std::optional<std::uint64_t> probe_descriptors_limit;
  /// Probes taken off before their process ended, by tier (hot, cold) and reason (budget, exec,
  /// limit), and put on again, by tier.
  std::map<std::pair<std::string, std::string>, std::uint64_t> disarms;
  std::map<std::string, std::uint64_t> rearms;
  std::map<std::string, std::uint64_t> suspects_not_armed; ///< by reason: limit, budget, error
  std::optional<std::uint64_t> workers_armed; ///< children that got probes while they lived
  std::map<std::string, std::uint64_t> workers_not_armed; ///< by reason: limit, error

  std::map<std::string, std::uint64_t> libraries_scanned; ///< by result: ok, error
  std::map<std::string, std::uint64_t> library_errors;    ///< by reason

  /// Required sensors that are not at work.
  std::vector<std::string> missing_sensors() const {
    std::vector<std::string> missing;
    for (const std::string& sensor : required_sensors) {
      auto found = sensor_active.find(sensor);
      if (found == sensor_active.end() || !found->second)
        missing.push_back(sensor);
    }
    return missing;
  }
};

} // namespace forkmon
