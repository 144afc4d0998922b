// SPDX-License-Identifier: MIT
/// What the catalogue says about the code that a child hangs in.
#pragma once

#include "forkmon/frame.h"
#include "forkmon/lock.h"

#include <span>
#include <string_view>

namespace forkmon {

/// Of the innermost frame that is in a function or a library of the catalogue: what to do instead.
/// Empty where there is none, or where it says no more than that an application's lock was taken.
std::string_view library_hint(std::span<const Frame> stack);

/// Of a lock inside the C library, by the name that its source gives it or by the function that
/// takes it ("setenv()"). Empty where the catalogue has neither.
std::string_view lock_hint(const Lock& lock);

} // namespace forkmon
