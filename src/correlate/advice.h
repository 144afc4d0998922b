// SPDX-License-Identifier: MIT
/// What to do about an unsafe call: sentences that fit the program and the way it forks.
#pragma once

#include "correlate/fork_path.h"

#include <string>
#include <string_view>

namespace forkmon {

/// What to change in a program that forks in that way.
std::string_view fix_for(ForkPath path);

/// `hint`: what the catalogue says of the function; may be empty. Python gets its own fix as well.
std::string advice_for_call(const std::string& hint, ForkPath path);

} // namespace forkmon
