// SPDX-License-Identifier: MIT
/// What lock a futex belongs to, and whose it is: read from the waiting child's memory.
#pragma once

#include "forkmon/lock.h"
#include "process/wait_state.h"

#include <sys/types.h>

#include <map>
#include <string>

namespace forkmon {

/// Threads of a process by their id as the process itself knows it (in its own pid namespace).
using ThreadNames = std::map<std::uint32_t, LockOwner>;

ThreadNames threads_by_own_id(pid_t pid);

/// The lock behind the futex that `child` waits on. `parent_threads`: of the process that forked,
/// those that live; a mutex's owner that is none of them has ended.
Lock inspect_lock(pid_t child, const FutexWait& wait, const ThreadNames& parent_threads);

} // namespace forkmon
