// SPDX-License-Identifier: MIT
/// Why a child is only suspected, in words.
#pragma once

#include "forkmon/finding.h"

#include <string>

namespace forkmon {

/// The `reason` of the contract; empty where the deadlock is proven.
std::string stuck_reason_text(const DeadlockFinding& deadlock);

} // namespace forkmon
