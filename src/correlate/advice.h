// SPDX-License-Identifier: MIT
/// What to do about a finding: one sentence that fits the program and the way it got there.
#pragma once

#include "forkmon/frame.h"
#include "forkmon/lock.h"

#include <span>
#include <string>

namespace forkmon {

/// How the program came to fork, as far as its stacks and its executable tell.
enum class ForkPath {
  unknown = 1,
  python,          ///< CPython, and no more is known
  multiprocessing, ///< Python's multiprocessing, or concurrent.futures on top of it
  preexec_fn,      ///< Python's subprocess with preexec_fn
};

/// `exe`: the parent's executable. `stack`: native frames; `python`: its traceback. Either may be
/// empty.
ForkPath fork_path_of(const std::string& exe, std::span<const Frame> stack,
                      std::span<const Frame> python);

/// For an unsafe call: what the catalogue says of the function, and where the fork path has a
/// better way out, that.
std::string advice_for_call(const std::string& hint, ForkPath path);

/// For a child that waits for a lock. `stack`: its own; where a function of the catalogue is on it,
/// what the catalogue says of that function is part of the advice.
std::string advice_for_deadlock(const Lock& lock, std::span<const Frame> stack, ForkPath path);

} // namespace forkmon
