// SPDX-License-Identifier: MIT
/// What is known of a child that seems stuck: plain values, from which src/stuck/judge.h concludes.
#pragma once

#include "forkmon/lock.h"
#include "sensors/memory_users.h"
#include "stuck/lock_inspector.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkmon {

/// What the innermost frames of a Python traceback wait for.
enum class PythonWait {
  none,       ///< it runs no Python, or its frames are not known
  event,      ///< Event, Condition, Barrier, Semaphore, Queue: somebody else is to do something
  mutex,      ///< a lock that `with` takes, or one inside the standard library, as logging has them
  plain_lock, ///< another lock of the program's own code
};

/// A lock, as the code that waits for it shows it.
struct SeenLock {
  LockKind kind = LockKind::unknown;
  Holder holder = Holder::unknown;
  PythonWait python = PythonWait::none;
  bool owner_forked = false; ///< its owner is, or may be, the thread that forked
};

/// How a thread waits.
struct SeenThread {
  pid_t tid = 0;
  bool waits_endlessly = false; ///< for a futex without a timeout; unchanged for long enough
  bool is_still = false;      ///< asleep in there: not stopped, frozen, or held up by a page fault
  bool is_private = false;    ///< every word lies in memory that is the child's alone
  bool is_pi = false;         ///< waits for a priority-inheritance lock
  std::uint64_t handlers = 0; ///< signals with a handler that could run in it: bit N - 1 for N
  SeenLock lock;
};

/// A child, one thread of which is judged.
struct SeenChild {
  std::vector<SeenThread>
      threads;            ///< those that run its code: no zombies, no workers of the kernel
  std::size_t waiter = 0; ///< the one that is judged: an index of `threads`
  bool all_seen = true;   ///< false where it has more threads than are looked at
  bool is_traced = false; ///< by ptrace(2)
  bool sibling_waits_for_input = false;
  bool shared_owner_lives = true; ///< of a shared lock with an owner: false where it surely ended
  MemoryUse memory = MemoryUse::unknown;
  std::uint64_t waited_ns = 0;
};

} // namespace forkmon
