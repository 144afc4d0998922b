// SPDX-License-Identifier: MIT
/// What is known of a deadlock, for people.
#pragma once

#include "forkmon/finding.h"

#include <string>

namespace forkmon {

/// An indented block, one fact a line, each with its newline: who can end the hang and how, the
/// lock, who holds it, why it is only suspected, the stacks, what to change. What is not known is
/// left out. Printable.
std::string deadlock_text(const DeadlockFinding& deadlock);

} // namespace forkmon
