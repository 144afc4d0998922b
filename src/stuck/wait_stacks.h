// SPDX-License-Identifier: MIT
/// Where a thread stands: its call stack, and its Python traceback.
#pragma once

#include "forkmon/frame.h"
#include "symbols/unwinder.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace forkmon {

/// Both innermost first, and empty where they could not be read.
struct WaitStacks {
  std::vector<Frame> native;
  std::vector<Frame> python;
  bool enters_with = false; ///< the innermost Python frame enters a `with` statement
  std::string note;         ///< why something is missing; else empty
};

/// The stacks of a thread that waits. It is not stopped. The caller sees to it that `pid` is not
/// reused.
WaitStacks stacks_of(Symbolizer& symbolizer, pid_t pid, pid_t tid);

} // namespace forkmon
