// SPDX-License-Identifier: MIT
/// Which numbers processes have for us: those of the pid namespace that we live in
/// (pid_namespaces(7)). A container of its own has one, unless it shares the host's.
#pragma once

#include "util/result.h"

#include <cstdint>

namespace forkmon {

struct PidNamespace {
  /// The kernel's number of it, that of /proc/self/ns/pid.
  std::uint32_t inode = 0;

  /// Is it the first one, which sees every process of the host?
  bool sees_whole_host() const;
};

/// Ours. Error: /proc is not mounted, or shows another pid namespace than ours, whose numbers mean
/// other processes to kill(2) and perf_event_open(2).
Result<PidNamespace> own_pid_namespace();

/// How a container gets the host's.
inline constexpr const char* ways_to_host_pid_namespace =
    "docker --pid=host, Kubernetes hostPID: true";

/// Does a process live there? Looks at all processes that /proc shows.
bool is_inhabited(PidNamespace space);

} // namespace forkmon
