// SPDX-License-Identifier: MIT
#include "stuck/stuck_children.h"

#include "stuck/wait_hints.h"
#include "stuck/wait_stacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace forkmon {
namespace {

/// Two descriptors each.
constexpr std::size_t max_watched = 4096;
/// Threads looked at in one look. With more, children with several have their turn less often.
constexpr std::size_t max_thread_looks = 2048;
/// Stacks walked in one look; what is left waits for the next one. Up to twice as many where they
/// are of one child: which of its threads is reported depends on all of them.
constexpr std::size_t max_walks = 16;

bool is_worth_watching(const WaitState& state, Abi abi) {
  return state.running || is_endless(state, abi) || read_descriptor(state, abi);
}

std::uint64_t switches_of(const WatchedChild& child, pid_t tid) {
  return child.proc.switches(tid).value_or(0);
}

} // namespace

std::vector<Event> StuckChildren::look(std::span<const ChildRef> children, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  looks_++;
  last_threads_ = std::exchange(threads_, 0);
  unwatched_ = 0;
  candidates_.clear();
  pipe_readers_.clear();
  parents_of_input_.clear();
  forget_others(children);
  open_windows_ = 0;
  for (const auto& [key, child] : children_)
    open_windows_ += (child.spin ? 1U : 0U) + (child.nap_window ? 1U : 0U);
  for (const ChildRef& child : children)
    if (WatchedChild* watched = watch(child))
      observe(*watched);
  judge_waits();
  judge_pipes();
  return std::exchange(events_, {});
}

void StuckChildren::forget_others(std::span<const ChildRef> children) {
  std::erase_if(children_, [&](const auto& entry) {
    return !std::ranges::binary_search(children, entry.first, {}, &ChildRef::key);
  });
}

WatchedChild* StuckChildren::watch(const ChildRef& child) {
  if (auto known = children_.find(child.key); known != children_.end())
    return &known->second;
  if (children_.size() >= max_watched) {
    unwatched_++;
    return nullptr;
  }
  auto proc = ProcDir::open(fmt::format("/proc/{}", child.key.pid));
  if (!proc || !taints_.find(child.key)) // asked second: so the files are surely this child's
    return nullptr;
  return &children_.try_emplace(child.key, child, std::move(*proc)).first->second;
}

void StuckChildren::observe(WatchedChild& child) {
  const std::size_t threads = child.proc.thread_count();
  if (threads <= 1) {
    child.all_seen = true;
    if (child.waits.size() > 1)
      forget_threads(child, std::array{child.pid()});
    observe_thread(child, child.pid(), child.proc.first_wait_state());
    return;
  }
  threads_ += threads;
  const std::size_t stride = 1 + last_threads_ / max_thread_looks;
  if ((looks_ + child.child.key.pid) % stride == 0)
    observe_all_threads(child);
}

void StuckChildren::observe_all_threads(WatchedChild& child) {
  auto tids = child.proc.threads(max_threads + 1);
  child.all_seen = tids.size() <= max_threads;
  std::ranges::sort(tids);
  forget_threads(child, tids);
  for (pid_t tid : tids)
    observe_thread(child, tid, child.proc.wait_state(tid));
}

/// `tids`: those that are left, in order.
void StuckChildren::forget_threads(WatchedChild& child, std::span<const pid_t> tids) {
  std::erase_if(child.waits,
                [&](const auto& wait) { return !std::ranges::binary_search(tids, wait.first); });
  if (child.report && !std::ranges::binary_search(tids, child.report->tid))
    withdraw(child);
}

void StuckChildren::observe_thread(WatchedChild& child, pid_t tid,
                                   const std::optional<WaitState>& state) {
  ThreadWait& wait = child.waits[tid];
  if (state && waits_for_input(*state, abi_of(child, *state)))
    parents_of_input_.insert(child.child.parent_pid);
  if (state && tid == child.pid()) {
    observe_loop(child, *state);
    observe_naps(child, *state);
  }
  if (!state || state != wait.state)
    start_over(child, tid, wait, state);
  else if (is_worth_watching(*state, abi_of(child, *state)))
    find_due(child, tid, wait);
}

void StuckChildren::start_over(WatchedChild& child, pid_t tid, ThreadWait& wait,
                               const std::optional<WaitState>& state) {
  const bool is_reported = child.report && child.report->tid == tid &&
                           child.report->source != Report::Source::loop &&
                           child.report->source != Report::Source::naps;
  if (is_reported)
    withdraw(child);
  if (tid == child.pid())
    child.spin.reset();
  wait = ThreadWait();
  wait.state = state;
  wait.since_ns = now_ns_;
  wait.unchanged_ns = now_ns_;
  if (!state || !is_worth_watching(*state, abi_of(child, *state)))
    return;
  const bool is_futex = is_endless(*state, abi_of(child, *state));
  wait.schedule.start(now_ns_ + (is_futex ? threshold_ns : patience_ns), threshold_ns);
  if (is_futex)
    wait.switches = switches_of(child, tid);
}

/// An unchanged state is judged when its time has come.
void StuckChildren::find_due(WatchedChild& child, pid_t tid, ThreadWait& wait) {
  if (wait.state->running) {
    if (tid == child.pid())
      judge_spin(child, wait);
    return;
  }
  if (!wait.schedule.is_due(now_ns_) || (child.report && child.report->proof))
    return;
  if (is_endless(*wait.state, abi_of(child, *wait.state)))
    candidates_.push_back({&child, tid});
  else if (tid == child.pid() && !child.report)
    pipe_readers_.push_back(&child);
}

/// What would be proven waits for one look at all users of the children's memory.
void StuckChildren::judge_waits() {
  std::ranges::stable_sort(candidates_, {}, [](const Candidate& candidate) {
    return std::pair(candidate.child->waits.at(candidate.tid).schedule.due_ns,
                     candidate.child->pid());
  });
  std::size_t walks = 0;
  const WatchedChild* last = nullptr;
  std::vector<Candidate*> all;
  std::vector<pid_t> pids;
  for (Candidate& candidate : candidates_) {
    const bool is_next_child = std::exchange(last, candidate.child) != candidate.child;
    if (walks >= (is_next_child ? max_walks : 2 * max_walks))
      break;
    if (read_candidate(candidate)) {
      all.push_back(&candidate);
      SeenChild alone = candidate.evidence.seen;
      alone.memory = MemoryUse::alone;
      if (judge_wait(alone).conclusion == Conclusion::proven)
        pids.push_back(candidate.child->pid());
    }
    walks += reader_.take_walks();
  }
  const auto users = pids.empty() ? std::map<pid_t, MemoryUse>{} : memory_users_(pids);
  // Of several threads of a child, the one that tells most is reported.
  std::stable_partition(all.begin(), all.end(), [](const Candidate* candidate) {
    const SeenChild& seen = candidate->evidence.seen;
    return is_held_outside(seen.threads[seen.waiter].lock);
  });
  for (Candidate* candidate : all) {
    auto found = users.find(candidate->child->pid());
    conclude(*candidate, found == users.end() ? MemoryUse::unknown : found->second);
  }
}

/// False where the wait is over, which also ends a suspicion: it went on, and stopped at the same
/// place again.
bool StuckChildren::read_candidate(Candidate& candidate) {
  WatchedChild& child = *candidate.child;
  ThreadWait& wait = child.waits.at(candidate.tid);
  auto evidence = reader_.read(child, candidate.tid, forker_of_(child.child.key), now_ns_);
  if (!evidence) {
    if (child.report && child.report->tid == candidate.tid)
      withdraw(child);
    wait.schedule.start(now_ns_ + threshold_ns, threshold_ns);
    return false;
  }
  candidate.evidence = std::move(*evidence);
  candidate.evidence.seen.sibling_waits_for_input =
      parents_of_input_.contains(child.child.parent_pid);
  return true;
}

void StuckChildren::conclude(Candidate& candidate, MemoryUse memory) {
  WatchedChild& child = *candidate.child;
  ThreadWait& wait = child.waits.at(candidate.tid);
  WaitEvidence& evidence = candidate.evidence;
  evidence.seen.memory = memory;
  wait.schedule.back_off(now_ns_);
  const Verdict verdict = judge_wait(evidence.seen);
  if (verdict.conclusion == Conclusion::not_now)
    return;
  const bool is_mine = child.report && child.report->tid == candidate.tid;
  if (verdict.conclusion == Conclusion::nothing ||
      !WaitReader::is_unchanged(child, evidence.seen)) {
    if (is_mine)
      withdraw(child);
    return;
  }
  const bool is_proof = verdict.conclusion == Conclusion::proven;
  if (child.report && (child.report->proof || !is_proof))
    return;
  StuckEvent event = event_of(child, candidate.tid, verdict, wait.since_ns);
  event.threads = static_cast<std::uint32_t>(evidence.seen.threads.size());
  event.lock = std::move(evidence.lock.lock);
  event.stack = std::move(evidence.stacks.native);
  event.python = std::move(evidence.stacks.python);
  event.owner_stack = std::move(evidence.owner_stack);
  report(child, Report::Source::wait, std::move(event));
}

/// Nothing where the child has gone on, or a handler could write to what it reads.
std::optional<PipeReader> StuckChildren::pipe_reader(WatchedChild& child) {
  ThreadWait& wait = child.waits.at(child.pid());
  wait.schedule.back_off(now_ns_);
  auto status = child.proc.status(child.pid());
  const std::uint64_t before = wait.switches;
  wait.switches = status ? status->switches : 0;
  if (!status || before != wait.switches) {
    if (before != 0) // the first time, nothing was known
      wait.since_ns = now_ns_;
    wait.schedule.start(now_ns_ + threshold_ns, patience_ns); // is it still in there then?
    return std::nullopt;
  }
  const bool may_be_written_to = (handlers_of(*status, false) & ~interrupt_signal) != 0;
  if (status->state != 'S' || may_be_written_to || child.proc.thread_count() != 1)
    return std::nullopt;
  return PipeReader{child.pid(), static_cast<pid_t>(child.child.parent_pid),
                    *read_descriptor(*wait.state, abi_of(child, *wait.state))};
}

void StuckChildren::judge_pipes() {
  std::vector<PipeReader> readers;
  for (WatchedChild* child : pipe_readers_)
    if (auto reader = pipe_reader(*child))
      readers.push_back(*reader);
  if (readers.empty())
    return;
  const auto alone = readers_of_own_pipes(readers);
  for (WatchedChild* child : pipe_readers_) {
    if (!alone.contains(child->pid()))
      continue;
    StuckEvent event =
        with_stacks(event_of(*child, child->pid(), {Conclusion::suspected, StuckReason::own_pipe},
                             child->waits.at(child->pid()).since_ns));
    auto status = child->proc.status(child->pid());
    // Python always catches SIGINT, and does not write to a pipe then.
    if (status && (handlers_of(*status, false) == 0 || !event.python.empty()))
      report(*child, Report::Source::pipe, std::move(event));
  }
}

StuckEvent StuckChildren::with_stacks(StuckEvent event) const {
  WaitStacks stacks = stacks_of(symbolizer_, static_cast<pid_t>(event.child.key.pid),
                                static_cast<pid_t>(event.tid));
  event.stack = std::move(stacks.native);
  event.python = std::move(stacks.python);
  return event;
}

void StuckChildren::report(WatchedChild& child, Report::Source source, StuckEvent event) {
  // One that was adopted may never have been in danger, unless its parent has threads.
  const bool may_be_told = !child.child.adopted || child.child.parent_threads > 1;
  if (!event.proof && !may_be_told)
    return;
  child.report = Report{source, static_cast<pid_t>(event.tid), event.proof};
  events_.emplace_back(std::move(event));
}

void StuckChildren::withdraw(WatchedChild& child) {
  child.report.reset();
  events_.emplace_back(UnstuckEvent{now_ns_, child.child});
}

/// Without the lock and the stacks.
StuckEvent StuckChildren::event_of(const WatchedChild& child, pid_t tid, const Verdict& verdict,
                                   std::uint64_t since_ns) const {
  StuckEvent event;
  event.time_ns = now_ns_;
  event.child = child.child;
  event.tid = static_cast<std::uint32_t>(tid);
  event.proof = verdict.conclusion == Conclusion::proven;
  event.reason = verdict.reason;
  event.waited_ms = (now_ns_ - since_ns) / 1'000'000;
  return event;
}

} // namespace forkmon
