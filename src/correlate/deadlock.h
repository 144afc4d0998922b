// SPDX-License-Identifier: MIT
/// The finding for a child that is stuck.
#pragma once

#include "correlate/tracked_child.h"
#include "forkmon/event.h"
#include "forkmon/finding.h"

namespace forkmon {

DeadlockFinding deadlock(const TrackedChild& child, const StuckEvent& event);

/// What the lock is, where the stack names the function that waits for it: a condition variable's
/// futex looks like a semaphore's, and a lock inside the C library like a mutex's.
Lock named_by_stack(Lock lock, const std::vector<Frame>& stack);

} // namespace forkmon
