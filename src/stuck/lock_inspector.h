// SPDX-License-Identifier: MIT
/// What lock a futex belongs to, and which thread holds it: read from the waiting child's memory.
#pragma once

#include "forkmon/frame.h"
#include "forkmon/lock.h"
#include "process/address_space.h"
#include "process/wait_state.h"
#include "symbols/module_cache.h"

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace forkmon {

/// A thread of the child that waits for a futex.
struct LockWaiter {
  pid_t pid = 0; ///< of the child
  pid_t tid = 0;
  FutexWait wait;
  bool is_32_bit = false;        ///< an i386 program: its locks have another layout
  std::span<const Frame> stack;  ///< native, innermost first; empty where it could not be read
  std::span<const Frame> python; ///< innermost first; empty for what is not Python
};

/// The process that forked the child.
struct ParentAtFork {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< as in /proc/PID/stat; 0: not known
  std::uint64_t fork_time_ns = 0; ///< CLOCK_MONOTONIC
  pid_t forker_tid = 0;           ///< the thread that forked; 0: not known
  /// By a clone(2) of the program's own. Only fork() and _Fork() renew the id by which a thread of
  /// glibc knows itself, so that the first thread of such a child takes locks under the id of the
  /// thread that cloned it.
  bool is_clone = false;
};

/// Where the thread is that a lock records as its owner.
enum class Holder {
  unknown,         ///< the lock records none, or it could not be read
  self,            ///< the waiting thread itself
  child_thread,    ///< another living thread of the child
  parent_thread,   ///< a living thread of the parent
  ancestor_thread, ///< one of a process that the parent was forked from, with its memory
  ended,           ///< no thread of the child, and nowhere in that line is it alive
};

struct InspectedLock {
  Lock lock;
  Holder holder = Holder::unknown;
  pid_t owner_process = 0; ///< of a thread of the parent, or of an ancestor
};

/// The lock that the thread waits for. `space` is the memory map of the child.
InspectedLock inspect_lock(const LockWaiter& waiter, const ParentAtFork& parent,
                           const AddressSpace& space, ModuleCache& modules);

} // namespace forkmon
