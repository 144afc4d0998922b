// SPDX-License-Identifier: MIT
/// Processes that were forked and never called exec, before anybody watched.
#pragma once

#include "forkmon/event.h"
#include "process/proc.h"

#include <vector>

namespace forkmon {

/// A process of its parent's program (PF_FORKNOEXEC, kernel/fork.c).
struct ForkedProcess {
  ProcStat process;
  ProcStat parent; ///< as it is now, which need not be the one that forked
};

/// All of them; kernel threads are none.
std::vector<ForkedProcess> forked_processes();

/// Those of `all` that descend from `root` through forks alone, `root` itself included.
std::vector<ForkedProcess> family_of(const std::vector<ForkedProcess>& all, pid_t root);

/// The fork event as it must have been, but for the parent's threads: those of today.
ForkEvent past_fork(const ForkedProcess& forked);

} // namespace forkmon
