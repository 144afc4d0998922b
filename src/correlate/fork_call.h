// SPDX-License-Identifier: MIT
/// fork(), _Fork() or clone(2): only the first makes locks usable again in the child.
#pragma once

#include "forkmon/event.h"

#include <span>
#include <string>

namespace forkmon {

/// `functions`: that of the system call first, then those whose addresses are on the stack. Names
/// as in glibc and musl; empty ones are not known.
ForkCall fork_call_of(std::span<const std::string> functions);

/// Does the call repair what a C library repairs?
bool repairs_locks(ForkCall call);

} // namespace forkmon
