// SPDX-License-Identifier: MIT
/// What to do now about children that are still stuck at the end of a session.
#pragma once

#include "forkmon/remedy.h"

#include <cstdint>
#include <span>
#include <string>

namespace forkmon {

struct StuckChild {
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0; ///< 0: it has ended
  Remedy remedy = Remedy::look_first;
};

/// A line for each remedy that one of them needs, each with its newline: the surest first, with
/// the pids that it concerns, eight at most. Empty where nobody is stuck.
std::string next_steps(std::span<const StuckChild> stuck);

} // namespace forkmon
