// SPDX-License-Identifier: MIT
/// Takes the inventory that a session starts with.
#pragma once

#include "forkmon/inventory.h"

#include <sys/types.h>

namespace forkmon {

/// Of one process and what descends from it. What ends meanwhile is left out. Bounded: 16 forked
/// children, 256 threads and 3 alternatives are listed.
FamilyInventory family_inventory(pid_t pid);

/// Of the whole system; 8 parents are listed.
SystemInventory system_inventory();

} // namespace forkmon
