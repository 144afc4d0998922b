// SPDX-License-Identifier: MIT
/// What the names of functions on a stack say of the lock that its innermost function waits for.
#pragma once

#include "forkmon/frame.h"
#include "forkmon/lock.h"

#include <span>
#include <string>

namespace forkmon {

struct WaitSite {
  /// Of what is waited for. `unknown` where the stack does not say, and for what is no lock: a
  /// future, a barrier, the end of a thread, a futex of the program's own.
  LockKind kind = LockKind::unknown;
  /// False where the stack is too short, or has too few names, to say anything. Only then may the
  /// memory alone say what it is.
  bool is_told = false;
  /// It waits in pthread_mutex_lock or its like, so that the futex is in a pthread mutex, whatever
  /// that belongs to.
  bool is_mutex = false;
  /// The program called the C library, none of whose functions on the stack has a name: it is
  /// stripped, and what was called has jumped to where it waits, as sem_wait() does.
  bool is_in_nameless_libc = false;
  /// Of a lock inside the C library: its function that was called, "setenv".
  std::string function;
};

/// `stack`: innermost first. The functions that wait are the innermost; further out is who called
/// them, which may well be inside of a lock of another kind.
WaitSite wait_site(std::span<const Frame> stack);

} // namespace forkmon
