// SPDX-License-Identifier: MIT
/// The part of StuckChildren that is about children which do something again and again: loops of
/// waits with timeouts, loops of naps, and threads that are always busy.
#include "stuck/stuck_children.h"
#include "stuck/wait_hints.h"
#include "stuck/wait_site.h"
#include "symbols/memory_reader.h"

#include <utility>

namespace forkmon {

void StuckChildren::observe_loop(WatchedChild& child, const WaitState& state) {
  const auto before = child.loop.loop();
  const bool goes_on = child.loop.see(state, abi_of(child, state), now_ns_);
  if (!goes_on && child.report && child.report->source == Report::Source::loop)
    withdraw(child);
  const auto& loop = child.loop.loop();
  if (!loop)
    return;
  if (!before || !goes_on) {
    child.loop.sleeps = child.proc.sleeps(child.pid()).value_or(0);
    child.loop_schedule.start(now_ns_ + patience_ns, threshold_ns);
  } else if (child.loop_schedule.is_due(now_ns_) && !child.report && !state.running) {
    judge_loop(child);
  }
}

void StuckChildren::judge_loop(WatchedChild& child) {
  const LoopWatch::Loop& loop = *child.loop.loop();
  const pid_t pid = child.pid();
  child.loop_schedule.back_off(now_ns_);
  auto space = AddressSpace::of(pid);
  const std::uint64_t sleeps = child.proc.sleeps(pid).value_or(0);
  if (!space || child.proc.thread_count() != 1 || sleeps < child.loop.sleeps ||
      !turns_often(sleeps - child.loop.sleeps, now_ns_ - loop.since_ns))
    return;
  ProcessMemory memory(pid);
  if (memory.number<std::uint32_t>(loop.wait.address) != loop.value)
    return;
  StuckEvent event = with_stacks(
      event_of(child, pid, {Conclusion::suspected, StuckReason::timed_loop}, loop.since_ns));
  if (event.stack.empty())
    return; // it was running just then
  SeenLoop seen;
  seen.is_private = is_private_word(loop.wait, *space);
  seen.names_spin_lock = names_spin_lock(event.stack);
  // A stripped C library has no name for what sem_timedwait() jumps to.
  seen.is_meant = !event.python.empty() ||
                  (!seen.names_spin_lock &&
                   (is_meant_to_end(event.stack) || wait_site(event.stack).is_in_nameless_libc));
  seen.is_alone =
      seen.names_spin_lock && memory_users_(std::span(&pid, 1))[pid] == MemoryUse::alone;
  const Verdict verdict = forkmon::judge_loop(seen);
  if (verdict.conclusion != Conclusion::suspected && verdict.conclusion != Conclusion::proven)
    return;
  event.proof = verdict.conclusion == Conclusion::proven;
  event.reason = verdict.reason;
  event.lock.address = loop.wait.address;
  if (seen.names_spin_lock)
    event.lock.kind = LockKind::absl;
  report(child, Report::Source::loop, std::move(event));
}

void StuckChildren::observe_naps(WatchedChild& child, const WaitState& state) {
  const auto before = child.naps.loop();
  const bool goes_on = child.naps.see(state, abi_of(child, state), now_ns_);
  const bool is_reported = child.report && child.report->source == Report::Source::naps;
  if (!goes_on && is_reported)
    withdraw(child);
  if (!goes_on || !before) {
    child.nap_window.reset();
    child.nap_schedule.start(now_ns_ + patience_ns, patience_ns);
  } else if (!state.running && (!child.report || is_reported)) {
    look_at_naps(child);
  }
}

/// A loop that was judged is sampled again from time to time, for as long as it goes on.
void StuckChildren::look_at_naps(WatchedChild& child) {
  const WaitState& nap = child.naps.loop()->nap;
  if (!child.nap_window) {
    if (!child.nap_schedule.is_due(now_ns_))
      return;
    child.nap_schedule.back_off(now_ns_);
    if (may_spin_in_naps(child))
      child.nap_window = open_nap_window(child.pid(), nap, now_ns_, open_windows_);
    if (child.nap_window)
      open_windows_++;
    return;
  }
  const auto spins = judge_nap_window(*child.nap_window, child.pid(), nap, now_ns_);
  if (!spins)
    return;
  child.nap_window.reset();
  const pid_t pid = child.pid();
  const bool is_alone = *spins && memory_users_(std::span(&pid, 1))[pid] == MemoryUse::alone;
  if (!is_alone && child.report)
    withdraw(child);
  else if (is_alone && !child.report)
    report(child, Report::Source::naps,
           with_stacks(event_of(child, pid, {Conclusion::suspected, StuckReason::naps},
                                child.naps.loop()->since_ns)));
}

/// Could nothing but the loop itself end it? An interpreter of Python has a handler.
bool StuckChildren::may_spin_in_naps(WatchedChild& child) {
  auto status = child.proc.status(child.pid());
  return status && handlers_of(*status, false) == 0 && child.proc.thread_count() == 1 &&
         !maps_shared_memory(child.pid());
}

void StuckChildren::judge_spin(WatchedChild& child, ThreadWait& wait) {
  if (!child.spin) {
    if (!wait.schedule.is_due(now_ns_) ||
        (child.report && child.report->source != Report::Source::spin))
      return;
    child.spin = spins_.open(child.pid(), now_ns_, open_windows_);
    if (child.spin)
      open_windows_++;
    else
      wait.schedule.back_off(now_ns_);
    return;
  }
  const auto spins = spins_.judge(*child.spin, child.pid(), now_ns_);
  if (!spins)
    return;
  child.spin.reset();
  wait.schedule.back_off(now_ns_);
  if (!*spins && child.report)
    withdraw(child);
  else if (*spins && !child.report)
    report(child, Report::Source::spin,
           with_stacks(event_of(child, child.pid(), {Conclusion::suspected, StuckReason::spins},
                                wait.since_ns)));
}

} // namespace forkmon
