// SPDX-License-Identifier: MIT
/// The finding for a child that is stuck.
#pragma once

#include "correlate/tracked_child.h"
#include "forkmon/event.h"
#include "forkmon/finding.h"

namespace forkmon {

/// Of a suspicion, as somebody sees it who is woken up by it: `info` where healthy programs often
/// look the same, `warning` where they do now and then, `high` where hardly any does.
Severity severity_of(StuckReason reason);

DeadlockFinding deadlock(const TrackedChild& child, const StuckEvent& event);

} // namespace forkmon
