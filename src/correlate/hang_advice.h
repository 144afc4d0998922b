// SPDX-License-Identifier: MIT
/// What to do about a child that hangs: now, and in the program.
#pragma once

#include "correlate/fork_path.h"
#include "forkmon/finding.h"

#include <string>

namespace forkmon {

struct HangAdvice {
  Remedy remedy = Remedy::look_first;
  std::string now; ///< who can end the hang, and how: names the pids of this child and parent
  std::string fix; ///< who holds the lock, and what to change: no pids
};

/// Of a finding that is complete but for its advice. `locks_repaired`: the child was made by
/// fork(), as far as is known, and not by _Fork or clone(2). hang_advice_tables.h has the
/// sentences.
HangAdvice advice_for_hang(const DeadlockFinding& hang, bool locks_repaired);

} // namespace forkmon
