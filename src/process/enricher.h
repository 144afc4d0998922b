// SPDX-License-Identifier: MIT
/// Adds to fork events what only /proc knows: the executable's path, the cgroup, the container.
#pragma once

#include "forkmon/event.h"
#include "process/cgroup_id.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace forkmon {

/// Reads /proc of the parent, or of the child where the parent has ended already; what neither
/// shows any more is left as the kernel sent it. Paths of executables are remembered from their
/// start on, so that a process that forks and ends in an instant still gets its name.
class Enricher {
public:
  void learn(const ExeEvent& exe);
  void enrich(ForkEvent& fork);

private:
  std::string path_of(const ForkEvent& fork);
  std::optional<std::string> cgroup_of(const ForkEvent& fork);
  std::optional<std::string> read_cgroup_of(const ForkEvent& fork) const;
  using Paths = std::map<FileId, std::string>;
  static const std::string* find(const Paths& paths, const ForkEvent& fork);
  static void remember(Paths& paths, const FileId& file, std::string path);

  static constexpr std::size_t max_remembered = 4096;
  /// A process may be moved to another cgroup, which its id tells on cgroup v2 alone.
  static constexpr std::uint64_t cgroup_age_ns = 1'000'000'000;
  struct Cgroup {
    std::uint64_t start_ticks = 0; ///< of the parent
    std::uint64_t id = 0;
    std::uint64_t read_ns = 0; ///< CLOCK_MONOTONIC, of the fork
    std::string path;
  };
  Paths paths_; ///< as /proc shows them
  Paths given_; ///< to execve(2), where nobody could be looked at in time
  std::map<std::uint32_t, Cgroup> recent_cgroups_; ///< of parents, by pid
  CgroupHierarchy cgroups_;
};

} // namespace forkmon
