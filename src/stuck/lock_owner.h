// SPDX-License-Identifier: MIT
/// The thread whose id a lock records.
#pragma once

#include "stuck/lock_inspector.h"

#include <cstdint>

namespace forkmon {

struct FoundOwner {
  LockOwner owner;
  Holder holder = Holder::unknown;
  pid_t process = 0; ///< that the thread is one of; 0 where it has ended
};

/// Looks for the thread in the child, in its parent as that was at the fork, and in the processes
/// that the parent's memory was copied from, each as it was at its fork. A thread that was started
/// later, and a process that has the parent's number by now, are strangers. The line of ancestors
/// is followed as far as they live: at most eight.
FoundOwner find_owner(std::uint32_t own_id, const LockWaiter& waiter, const ParentAtFork& parent);

} // namespace forkmon
