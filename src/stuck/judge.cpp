// SPDX-License-Identifier: MIT
#include "stuck/judge.h"

#include "stuck/wait_hints.h"

#include <algorithm>

namespace forkmon {
namespace {

Verdict suspected(StuckReason reason) {
  return {Conclusion::suspected, reason};
}

/// Locks that no signal handler releases. Their unlocking is not async-signal-safe, and the thread
/// that holds them is not in the child.
bool is_beyond_handlers(LockKind kind) {
  switch (kind) {
  case LockKind::semaphore:
  case LockKind::unknown:
  case LockKind::condition:
    return false;
  default:
    return true;
  }
}

/// Somebody else than the child may end this wait: one worker of an idle pool looks like a
/// deadlock.
Verdict judge_shared(const SeenChild& child) {
  const SeenThread& waiter = child.threads[child.waiter];
  if (child.waited_ns < patience_ns || child.sibling_waits_for_input)
    return {};
  if (waiter.lock.kind != LockKind::mutex || waiter.lock.holder == Holder::unknown)
    return suspected(StuckReason::shared_futex);
  return suspected(child.shared_owner_lives ? StuckReason::shared_owner_lives
                                            : StuckReason::shared_owner_ended);
}

bool waits_for_ever(const SeenThread& thread) {
  return thread.waits_endlessly && thread.is_still && thread.is_private && !thread.is_pi;
}

/// Who of the child's own threads may end the wait?
Verdict judge_threads(const SeenChild& child) {
  const SeenThread& waiter = child.threads[child.waiter];
  auto may_be_ended = [](const SeenThread& thread) {
    return handler_can_end(thread.lock, thread.handlers);
  };
  if (child.threads.size() == 1 && child.all_seen)
    return may_be_ended(waiter) ? suspected(StuckReason::handler) : Verdict{Conclusion::proven, {}};
  if (is_held_outside(waiter.lock))
    return {Conclusion::proven, StuckReason::none};
  if (!child.all_seen || !std::ranges::all_of(child.threads, waits_for_ever))
    return {};
  if (std::ranges::any_of(child.threads, may_be_ended))
    return suspected(StuckReason::all_threads_wait);
  return {Conclusion::proven, StuckReason::none};
}

/// Whatever the lock is: does anything but the child's own threads stand in the way of a proof?
StuckReason doubt_of(const SeenChild& child) {
  if (child.is_traced)
    return StuckReason::traced;
  if (child.threads[child.waiter].is_pi)
    return StuckReason::pi_owner_lives;
  if (child.memory == MemoryUse::shared)
    return StuckReason::memory_shared;
  if (child.memory == MemoryUse::unknown)
    return StuckReason::memory_unknown;
  return StuckReason::none;
}

} // namespace

bool is_held_outside(const SeenLock& lock) {
  return lock.kind == LockKind::mutex && !lock.owner_forked &&
         (lock.holder == Holder::parent_thread || lock.holder == Holder::ended);
}

bool handler_can_end(const SeenLock& lock, std::uint64_t handlers) {
  if (handlers == 0 || is_beyond_handlers(lock.kind))
    return false;
  switch (lock.python) {
  case PythonWait::none:
  case PythonWait::event:
    return true;
  case PythonWait::mutex:
    return false;
  case PythonWait::plain_lock:
    return (handlers & ~interrupt_signal) != 0;
  }
  return true;
}

Verdict judge_wait(const SeenChild& child) {
  if (child.waiter >= child.threads.size())
    return {};
  const SeenThread& waiter = child.threads[child.waiter];
  if (!waiter.waits_endlessly)
    return {};
  if (!waiter.is_still)
    return {Conclusion::not_now, StuckReason::none};
  if (!waiter.is_private)
    return judge_shared(child);
  const Verdict verdict = judge_threads(child);
  const StuckReason doubt = doubt_of(child);
  if (verdict.conclusion != Conclusion::proven || doubt == StuckReason::none)
    return verdict;
  // A reader of /proc or the like uses the memory for a moment only.
  if (doubt == StuckReason::memory_unknown && child.waited_ns < patience_ns)
    return {Conclusion::not_now, StuckReason::none};
  return suspected(doubt);
}

Verdict judge_loop(const SeenLoop& loop) {
  if (loop.is_meant)
    return {};
  if (loop.names_spin_lock && loop.is_private && loop.is_alone)
    return {Conclusion::proven, StuckReason::none};
  return loop.is_private ? suspected(StuckReason::timed_loop) : Verdict{};
}

} // namespace forkmon
