// SPDX-License-Identifier: MIT
#include "correlate/deadlock.h"

#include "correlate/calls.h"
#include "correlate/hang_advice.h"

#include <utility>

namespace forkmon {

Severity severity_of(StuckReason reason) {
  switch (reason) {
  case StuckReason::handler:          // how a daemon waits for its signals
  case StuckReason::all_threads_wait: // the same, with threads; without handlers it is proven
  case StuckReason::shared_futex:     // how an idle worker of a pool waits
    return Severity::info;
  case StuckReason::memory_shared: // the other process was made to share it, and may well wake it
  case StuckReason::shared_owner_lives: // it may only take long
  case StuckReason::spins:              // it may wait for another process, or work
  case StuckReason::naps:               // it may look at something that is not in its memory
    return Severity::warning;
  case StuckReason::none:
  case StuckReason::memory_unknown: // a proof but for somebody who was not seen
  case StuckReason::shared_owner_ended:
  case StuckReason::pi_owner_lives: // for as long as the parent's thread lives
  case StuckReason::traced:
  case StuckReason::timed_loop:
  case StuckReason::own_pipe:
    return Severity::high;
  }
  return Severity::high;
}

DeadlockFinding deadlock(const TrackedChild& child, const StuckEvent& event) {
  DeadlockFinding finding;
  finding.time_ns = event.time_ns;
  finding.severity = event.proof ? Severity::critical : severity_of(event.reason);
  finding.subject = child.subject;
  finding.subject.parent.ended |= event.parent_ended;
  finding.proof = event.proof;
  finding.reason = event.reason;
  finding.tid = event.tid;
  finding.threads = event.threads;
  finding.lock = event.lock;
  finding.since_fork_us = microseconds_between(child.ref.key.fork_time_ns, event.time_ns);
  finding.waited_ms = event.waited_ms;
  finding.stack = event.stack;
  finding.owner_stack = event.owner_stack;
  finding.python = event.python;
  HangAdvice advice = advice_for_hang(finding, child.locks_repaired);
  finding.remedy = advice.remedy;
  finding.now = std::move(advice.now);
  finding.advice = std::move(advice.fix);
  return finding;
}

} // namespace forkmon
