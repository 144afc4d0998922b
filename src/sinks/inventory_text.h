// SPDX-License-Identifier: MIT
/// The inventory of a session, for people.
#pragma once

#include "forkmon/inventory.h"

#include <string>

namespace forkmon {

/// Some lines of at most 80 columns, each with its newline; printable, whatever names processes
/// gave themselves. Both inventories are shown as far as they are listed, with a count of the rest.
std::string inventory_text(const FamilyInventory& inventory);
std::string inventory_text(const SystemInventory& inventory);

/// "waits for a lock".
const char* activity_text(Activity activity);

} // namespace forkmon
