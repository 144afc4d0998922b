// SPDX-License-Identifier: MIT
/// The thread whose id a lock records.
#pragma once

#include "stuck/lock_inspector.h"

#include <cstdint>

namespace forkmon {

struct FoundOwner {
  LockOwner owner;
  Holder holder = Holder::unknown;
};

/// Looks for the thread in the child, and in its parent as that was at the fork: a thread that was
/// started later, and a process that has the parent's number by now, are strangers.
FoundOwner find_owner(std::uint32_t own_id, const LockWaiter& waiter, const ParentAtFork& parent);

} // namespace forkmon
