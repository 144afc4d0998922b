// SPDX-License-Identifier: MIT
#include "sinks/stuck_text.h"

#include <fmt/format.h>

namespace forkmon {

std::string stuck_reason_text(const DeadlockFinding& deadlock) {
  switch (deadlock.reason) {
  case StuckReason::none:
    break;
  case StuckReason::handler:
    return "it waits for a lock or for a signal: one of its signal handlers may end the wait";
  case StuckReason::memory_shared:
    return "another process shares its memory, and may wake it";
  case StuckReason::memory_unknown:
    return "whether another process shares its memory could not be found out";
  case StuckReason::shared_futex:
    return "the futex is shared with other processes, one of which may wake it";
  case StuckReason::shared_owner_lives:
    return "the mutex is shared with other processes, and the thread that holds it is alive";
  case StuckReason::shared_owner_ended:
    return "the mutex is shared with other processes, and the thread that held it has ended";
  case StuckReason::pi_owner_lives:
    return "the thread that holds the priority-inheritance mutex is alive: its end wakes the child";
  case StuckReason::traced:
    return "a debugger is attached, which may let it go on";
  case StuckReason::all_threads_wait:
    return fmt::format("it has {} threads, and all of them wait for a futex", deadlock.threads);
  case StuckReason::timed_loop:
    return "it waits with timeouts, again and again, for a word that does not change";
  case StuckReason::own_pipe:
    return "it reads from a pipe that nobody but itself can write to";
  case StuckReason::spins:
    return "it spins: always busy, in the same few instructions";
  case StuckReason::naps:
    return "it spins: it naps again and again, and nothing changes in between";
  }
  return {};
}

} // namespace forkmon
