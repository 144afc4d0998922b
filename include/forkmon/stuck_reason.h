// SPDX-License-Identifier: MIT
/// Why a child that does not go on is only suspected. Proven ones have no reason.
#pragma once

namespace forkmon {

/// The sinks have the words (src/sinks/stuck_text.h), the correlator the severity.
enum class StuckReason {
  none = 0,           ///< it is proven
  handler,            ///< a signal handler of the child may end the wait
  memory_shared,      ///< another process shares its memory, and may wake it
  memory_unknown,     ///< whether another process shares its memory could not be found out
  shared_futex,       ///< the word lies in memory that other processes may have mapped, too
  shared_owner_lives, ///< the same, of a mutex whose recorded owner is alive
  shared_owner_ended, ///< the same, of a mutex whose recorded owner has ended
  pi_owner_lives,     ///< a priority-inheritance mutex, whose owner's end wakes the child
  traced,             ///< a debugger is attached, which may let it go on
  all_threads_wait,   ///< it has several threads, and all of them wait for a futex
  timed_loop,         ///< it waits with timeouts, again and again, for a word that does not change
  own_pipe,           ///< it reads from a pipe that nobody but itself can write to
  spins,              ///< it is always busy, in the same few instructions
  naps,               ///< it naps again and again, and nothing changes in between
};

} // namespace forkmon
