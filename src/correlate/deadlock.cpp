// SPDX-License-Identifier: MIT
#include "correlate/deadlock.h"

#include "correlate/advice.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace forkmon {
namespace {

struct Waiter {
  std::string_view function; ///< part of the name of a function of nptl/ in glibc
  LockKind kind;
};

// The first that occurs in one of the innermost frames decides.
constexpr std::array waiters{
    Waiter{"pthread_cond_", LockKind::unknown},    Waiter{"pthread_rwlock_", LockKind::unknown},
    Waiter{"pthread_barrier_", LockKind::unknown}, Waiter{"pthread_once", LockKind::unknown},
    Waiter{"sem_wait", LockKind::semaphore},       Waiter{"sem_clockwait", LockKind::semaphore},
    Waiter{"pthread_mutex_", LockKind::mutex},
};

/// The functions that wait are the innermost; further out is who called them.
constexpr std::size_t frames_looked_at = 6;

const Waiter* waiter_in(const std::vector<Frame>& stack) {
  for (std::size_t i = 0; i < std::min(stack.size(), frames_looked_at); i++)
    for (const Waiter& waiter : waiters)
      if (stack[i].function.find(waiter.function) != std::string::npos)
        return &waiter;
  return nullptr;
}

/// glibc's own locks wait in there, but so do its mutexes.
bool in_private_lock(const std::vector<Frame>& stack) {
  return !stack.empty() &&
         stack.front().function.find("lll_lock_wait_private") != std::string::npos;
}

} // namespace

Lock named_by_stack(Lock lock, const std::vector<Frame>& stack) {
  if (const Waiter* waiter = waiter_in(stack))
    lock.kind = waiter->kind;
  else if (in_private_lock(stack))
    lock.kind = LockKind::unknown;
  if (lock.kind != LockKind::mutex)
    lock.owner.reset();
  return lock;
}

DeadlockFinding deadlock(const TrackedChild& child, const StuckEvent& event) {
  DeadlockFinding finding;
  finding.time_ns = event.time_ns;
  finding.severity = event.proof ? Severity::critical : Severity::high;
  finding.subject = child.subject;
  finding.proof = event.proof;
  finding.reason = event.reason;
  finding.tid = event.tid;
  finding.threads = event.threads;
  finding.lock = named_by_stack(event.lock, event.stack);
  finding.waited_ms = event.waited_ms;
  finding.stack = event.stack;
  finding.owner_stack = finding.lock.owner ? event.owner_stack : std::vector<Frame>{};
  finding.python = event.python;
  finding.advice = advice_for_deadlock(
      finding.lock, event.stack, fork_path_of(child.subject.parent.exe, event.stack, event.python));
  return finding;
}

} // namespace forkmon
