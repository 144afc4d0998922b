// SPDX-License-Identifier: MIT
/// A process by a name that no other process ever has, because numbers are given out again.
#pragma once

#include "forkmon/event.h"

#include <sys/types.h>

#include <cstdint>

namespace forkmon {

/// The start time is that of the process's first thread, and an exec keeps it, by whichever thread
/// (de_thread in the kernel's fs/exec.c). Clock ticks are 10 ms, in which the kernel, which gives
/// numbers out in turn, does not come round to the same one.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0; ///< ticks of CLOCK_BOOTTIME, as in /proc/PID/stat; 0: not known
};

/// The child itself, also after an exec.
ProcessId process_of(const ChildRef& child);

/// The process that forked the child, as it was at the fork.
ProcessId parent_of(const ChildRef& child);

/// Does that process live? False where its start is not known, where it is a zombie, and where
/// another process has its number now; true where only its first thread has ended. Costs one read
/// of /proc/PID/stat.
///
/// To read something of a process by number, read first and ask afterwards: true guarantees that
/// all that was read since the process was named belongs to it, because its number was its own all
/// the time.
///
/// /proc shows start times by the reader's time namespace: in one whose boot time is set off, no
/// process is ever found to live (time_namespaces(7)).
bool is_still(const ProcessId& process);

/// The same, but true of a zombie, too, whose cgroup and user can still be read.
bool exists(const ProcessId& process);

} // namespace forkmon
