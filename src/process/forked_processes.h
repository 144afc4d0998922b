// SPDX-License-Identifier: MIT
/// Processes that were forked and never called exec, before anybody watched.
#pragma once

#include "forkmon/event.h"
#include "process/proc.h"

#include <vector>

namespace forkmon {

/// A process that was forked and has not called exec (PF_FORKNOEXEC, kernel/fork.c).
struct ForkedProcess {
  ProcStat process;
  ProcStat parent;                  ///< as it is now
  std::uint32_t parent_threads = 0; ///< that run its code: see running_threads()
  /// Threads that the parent has today and had at the fork, its first one not counted: with one of
  /// these the child is tainted. 0 for an orphan.
  std::uint32_t threads_at_fork = 0;
  /// The process that forked it has ended, or is another program now; `parent` took it over.
  bool is_orphan = false;
};

/// Can `parent` have forked `process`, by when they started and by their memory maps? A process
/// whose parent ends is given to a subreaper or an init, which is another program or came later.
/// Where these descend from the same program by fork alone, nothing tells them apart: true.
bool can_have_forked(const ProcStat& parent, const ProcStat& process);

/// All of them, except our own children. Kernel threads do not count.
std::vector<ForkedProcess> forked_processes();

/// Those of `all` that descend from `root` through forks alone, `root` itself included; not the
/// orphans that it took over.
std::vector<ForkedProcess> family_of(const std::vector<ForkedProcess>& all, pid_t root);

/// The fork event as it must have been; of the parent's threads, those that it still has are known.
/// Of an orphan, nothing is known of the parent: its program and name are the child's, its pid is
/// 0.
ForkEvent past_fork(const ForkedProcess& forked);

} // namespace forkmon
