// SPDX-License-Identifier: MIT
/// Is a child deadlocked? The rule, apart from all reading: docs/design.md argues it.
#pragma once

#include "forkmon/stuck_reason.h"
#include "stuck/observation.h"

namespace forkmon {

enum class Conclusion {
  nothing,   ///< no reason to think that it is stuck
  not_now,   ///< it cannot be judged in the state it is in: nothing is said, nothing taken back
  suspected, ///< with a reason
  proven,    ///< nobody can end the wait
};

struct Verdict {
  Conclusion conclusion = Conclusion::nothing;
  StuckReason reason = StuckReason::none;
  bool operator==(const Verdict&) const = default;
};

/// A wait is judged when it has lasted this long, and then after twice that, and so on.
constexpr std::uint64_t threshold_ns = 500'000'000;

/// Where somebody else could end a wait, or where it could be honest work, more patience is due
/// than the time for which every wait must have been unchanged.
constexpr std::uint64_t patience_ns = 3'000'000'000;

/// May a handler of one of these signals end a wait for this lock? SIGINT of a Python program is
/// treated by what it waits for, as the interpreter always catches it.
bool handler_can_end(const SeenLock& lock, std::uint64_t handlers);

/// Is it a mutex whose owner is no thread of the child, so that none may release it? What the
/// thread that forked had taken, the child's first thread may release.
bool is_held_outside(const SeenLock& lock);

/// A wait for a futex.
Verdict judge_wait(const SeenChild& child);

/// A loop of waits with timeouts for one word that has not changed.
struct SeenLoop {
  bool is_private = false;
  bool is_alone = false;        ///< one thread, and nobody else uses its memory
  bool names_spin_lock = false; ///< the stack shows the delay of a spin lock
  bool is_meant = false; ///< Python, or a function that waits with a timeout for what may come
};
Verdict judge_loop(const SeenLoop& loop);

} // namespace forkmon
