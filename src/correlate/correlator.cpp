// SPDX-License-Identifier: MIT
#include "correlate/correlator.h"

#include "correlate/calls.h"
#include "correlate/deadlock.h"
#include "correlate/exactness.h"
#include "correlate/fork_call.h"

#include <sys/wait.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace forkmon {
namespace {

/// Events of a child that come after its end are at most as far behind as two CPUs run apart.
constexpr std::size_t max_ended = 256;

/// Generations of tainted children remembered by pid: a chain of forks has no end.
constexpr std::size_t max_family = 16;

Subject subject_of(const ChildRef& ref) {
  Subject subject;
  subject.parent.pid = ref.parent_pid;
  subject.parent.threads = ref.parent_threads;
  subject.child.pid = ref.key.pid;
  return subject;
}

Subject subject_of(const ForkEvent& event) {
  Subject subject = subject_of(event.child);
  subject.parent.comm = event.parent_comm;
  subject.parent.exe = event.exe;
  subject.parent.ended = event.parent_ended;
  subject.child.comm = event.child_comm;
  subject.uid = event.uid;
  subject.cgroup = event.cgroup;
  subject.container = event.container;
  return subject;
}

/// The youngest process of that pid that is not younger than `time_ns`, with std::map's order.
const TrackedChild* owner_of(const std::map<ChildKey, TrackedChild>& children, std::uint32_t pid,
                             std::uint64_t time_ns) {
  const auto after = children.upper_bound({pid, time_ns});
  if (after == children.begin())
    return nullptr;
  const auto& [key, child] = *std::prev(after);
  return key.pid == pid ? &child : nullptr;
}

} // namespace

std::vector<Finding> Correlator::on(const Event& event) {
  Findings findings;
  std::visit([&](const auto& kind) { take(kind, findings); }, event);
  return findings;
}

std::vector<Finding> Correlator::finish(std::uint64_t now_ns) {
  Findings findings;
  for (auto& [key, child] : children_)
    conclude(child, {now_ns, Outcome::alive, 0, std::nullopt}, findings);
  children_.clear();
  ended_.clear();
  ended_order_.clear();
  return findings;
}

std::vector<Finding> Correlator::gone(const ChildKey& key, std::uint64_t now_ns, Outcome outcome) {
  Findings findings;
  if (const auto it = children_.find(key); it != children_.end()) {
    conclude(it->second, {now_ns, outcome, 0, std::nullopt}, findings);
    retire(key);
  }
  return findings;
}

std::vector<ChildRef> Correlator::children_older_than(std::uint64_t now_ns,
                                                      std::uint64_t age_ns) const {
  std::vector<ChildRef> result;
  for (const auto& [key, child] : children_) {
    if (now_ns >= key.fork_time_ns && now_ns - key.fork_time_ns >= age_ns)
      result.push_back(child.ref);
  }
  return result;
}

std::vector<Correlator::Relative>
Correlator::living_of(const std::set<std::uint32_t>& roots) const {
  std::vector<Relative> relatives;
  if (roots.empty())
    return relatives;
  for (const auto& [key, child] : children_) {
    const auto root = std::ranges::find_if(child.family.begin() + 1, child.family.end(),
                                           [&](std::uint32_t pid) { return roots.contains(pid); });
    if (root != child.family.end())
      relatives.push_back({*root, child.ref});
  }
  std::ranges::sort(relatives, {},
                    [](const Relative& relative) { return relative.child.key.fork_time_ns; });
  return relatives;
}

std::set<std::uint32_t> Correlator::needed() const {
  std::set<std::uint32_t> pids;
  for (const auto& [key, child] : children_)
    pids.insert(child.family.begin(), child.family.end());
  return pids;
}

std::vector<ChildRef> Correlator::living_after(const ChildKey& key, std::size_t max) const {
  std::vector<ChildRef> result;
  for (auto it = children_.upper_bound(key); it != children_.end() && result.size() < max; ++it)
    result.push_back(it->second.ref);
  return result;
}

void Correlator::take(const ForkEvent& event, Findings& findings) {
  TrackedChild stranger;
  TrackedChild& child = obtain(event.child, stranger, findings);
  if (child.fork_seen)
    return;
  child.fork_seen = true;
  child.subject = subject_of(event);
  child.locks_repaired = repairs_locks(event.call);
  child.ref.call = event.call;
  child.ref.forker_tid = event.parent_tid;
  if (&child == &stranger)
    ++untracked_;
  child.is_orphan = event.parent_ended;
  if (child.is_orphan)
    return;
  child.is_counted = is_living(event.child.key);
  findings.push_back(TaintedForkFinding{event.time_ns, Severity::info, child.subject,
                                        event.child.adopted, child.is_counted});
}

void Correlator::take(const CallEvent& event, Findings& findings) {
  TrackedChild stranger;
  TrackedChild& child = obtain(event.child, stranger, findings);
  // Another thread's name is not the process's.
  if (event.tid == event.child.key.pid || child.subject.child.comm.empty())
    child.subject.child.comm = event.comm;
  if (child.announced.emplace(event.function, event.library).second)
    findings.push_back(
        unsafe_call(functions_, child, event.function, event.time_ns, event.evidence, event.stack));
}

void Correlator::take(const CallsEvent& event, Findings& findings) {
  TrackedChild stranger;
  obtain(event.child, stranger, findings).counts = event.counts;
}

void Correlator::take(const EndEvent& event, Findings& findings) {
  if (ended_.contains(event.child.key))
    return;
  TrackedChild stranger;
  TrackedChild& child = obtain(event.child, stranger, findings);
  // At an exec the task bears the new program's name already.
  if (event.how == EndEvent::How::exit || child.subject.child.comm.empty())
    child.subject.child.comm = event.comm;
  child.ref.armed &= event.child.armed; // the kernel takes it back where it lost a hit
  child.unresolved_hits = event.unresolved_hits;
  child.ref.leaderless |= event.child.leaderless;
  conclude(child, ending_of(event), findings);
  retire(event.child.key);
}

/// Of an adopted child the parent alone is known, not which of its threads forked.
std::uint32_t Correlator::forker_of(const ChildKey& child) const {
  const auto it = children_.find(child);
  return it == children_.end() || it->second.ref.adopted ? 0 : it->second.ref.forker_tid;
}

/// What was suspected may be reported once more, as proven.
void Correlator::take(const StuckEvent& event, Findings& findings) {
  const auto it = children_.find(event.child.key);
  if (it == children_.end() || (it->second.is_stuck && (it->second.stuck_proof || !event.proof)))
    return;
  TrackedChild& child = it->second;
  DeadlockFinding finding = deadlock(child, event);
  if (child.is_stuck)
    finding.suspected_before = child.stuck_severity;
  child.is_stuck = true;
  child.stuck_proof = event.proof;
  child.stuck_severity = finding.severity;
  if (finding.severity > Severity::info) // else it may well be right
    child.deadlock_severity =
        std::max(child.deadlock_severity.value_or(finding.severity), finding.severity);
  findings.push_back(std::move(finding));
}

void Correlator::take(const UnstuckEvent& event, Findings& findings) {
  const auto it = children_.find(event.child.key);
  if (it != children_.end())
    end_deadlock(it->second, event.time_ns, true, findings);
}

void Correlator::end_deadlock(TrackedChild& child, std::uint64_t time_ns, bool child_lives,
                              Findings& findings) {
  if (!std::exchange(child.is_stuck, false))
    return;
  findings.push_back(DeadlockOverFinding{time_ns, Severity::info, child.subject, child_lives,
                                         child.stuck_proof, child.stuck_severity});
  if (child_lives && !child.stuck_proof)
    child.deadlock_severity.reset(); // the suspicion was wrong
}

void Correlator::take(const DisarmEvent& event, Findings&) {
  disarms_.add(event);
  if (event.cause != InexactCause::over_budget)
    late_probes_.end_unread(event.pid, event.time_ns);
  for (auto& [key, child] : children_)
    apply(event, child);
}

void Correlator::take(const ArmedLateEvent& event, Findings&) {
  if (const auto it = children_.find(event.child); it != children_.end())
    it->second.counted_from_ns = event.time_ns;
}

void Correlator::take(const LateProbesEvent& event, Findings&) {
  late_probes_.add(event);
  for (auto& [key, child] : children_)
    apply(event, child);
}

void Correlator::take(const LossEvent& event, Findings& findings) {
  findings.push_back(LostFinding{event.time_ns, Severity::warning, event.sensor, event.count});
}

/// The child as far as it is known, or else as `ref` tells; in `stranger` when there is no room.
TrackedChild& Correlator::obtain(const ChildRef& ref, TrackedChild& stranger, Findings& findings) {
  if (const auto it = children_.find(ref.key); it != children_.end())
    return it->second;
  if (const auto it = ended_.find(ref.key); it != ended_.end())
    return it->second;
  end_former_owners(ref.key, findings);
  stranger = first_seen(ref);
  if (children_.size() >= max_children_)
    return stranger;
  return children_.emplace(ref.key, std::move(stranger)).first->second;
}

TrackedChild Correlator::first_seen(const ChildRef& ref) const {
  TrackedChild child;
  child.ref = ref;
  child.was_armed = ref.armed;
  child.subject = subject_of(ref);
  child.family = {ref.key.pid, ref.parent_pid};
  if (const TrackedChild* parent = parent_of(ref)) {
    const std::size_t more = std::min(parent->family.size() - 1, max_family - child.family.size());
    std::copy_n(parent->family.begin() + 1, more, std::back_inserter(child.family));
    child.family_cut = parent->family_cut || more < parent->family.size() - 1;
  } else {
    child.family_cut = ref.parent_tainted;
  }
  disarms_.apply_to(child);
  late_probes_.apply_to(child);
  return child;
}

const TrackedChild* Correlator::parent_of(const ChildRef& ref) const {
  if (!ref.parent_tainted)
    return nullptr;
  if (const auto* alive = owner_of(children_, ref.parent_pid, ref.key.fork_time_ns))
    return alive;
  return owner_of(ended_, ref.parent_pid, ref.key.fork_time_ns);
}

/// A pid has one owner at a time: where an older one still seems alive, its end was lost.
void Correlator::end_former_owners(const ChildKey& key, Findings& findings) {
  auto it = children_.lower_bound({key.pid, 0});
  while (it != children_.end() && it->first < key) {
    const ChildKey former = it->first;
    ++it;
    std::ranges::move(gone(former, key.fork_time_ns), std::back_inserter(findings));
  }
}

void Correlator::conclude(TrackedChild& child, const Ending& ending, Findings& findings) const {
  // Counted but not announced: the record of the first call was lost.
  for (const auto& [function, count] : child.counts) {
    if (child.announced.emplace(function, LibraryId{0}).second)
      findings.push_back(
          unsafe_call(functions_, child, function, ending.time_ns, Evidence::uprobe, {}));
  }
  const bool still_stuck = child.is_stuck;
  // One that outlives the session stays stuck.
  if (ending.outcome != Outcome::alive)
    end_deadlock(child, ending.time_ns, false, findings);
  if (child.is_orphan && !child.deadlock_severity)
    return;
  ChildFinding finding;
  finding.time_ns = ending.time_ns;
  finding.subject = child.subject;
  finding.outcome = ending.outcome;
  finding.status = ending.status;
  finding.lifetime_us = microseconds_between(child.ref.key.fork_time_ns, ending.time_ns);
  finding.calls = calls_of(functions_, child);
  finding.severity = finding.calls.empty() ? Severity::info : finding.calls.front().severity;
  finding.deadlocked = child.deadlock_severity.has_value();
  finding.still_stuck = still_stuck;
  finding.was_counted = child.is_counted;
  if (child.deadlock_severity)
    finding.severity = std::max(finding.severity, *child.deadlock_severity);
  finding.advice = advice_for(functions_, child, ending.outcome);
  finding.inexact = inexactness(child, ending.time_ns, ending.calls);
  // At an exec its counts went with the task of its first thread, which had ended before.
  if (child.ref.leaderless && ending.outcome == Outcome::exec)
    finding.inexact = {InexactCause::leader_ended, ""};
  finding.exact = finding.inexact.cause == InexactCause::none;
  if (child.counted_from_ns)
    finding.counted_from_us =
        microseconds_between(child.ref.key.fork_time_ns, *child.counted_from_ns);
  finding.unresolved_hits = child.unresolved_hits;
  findings.push_back(std::move(finding));
}

void Correlator::retire(const ChildKey& key) {
  auto node = children_.extract(key);
  if (node.empty())
    return;
  ended_.insert(std::move(node));
  ended_order_.push_back(key);
  if (ended_order_.size() > max_ended) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
}

Correlator::Ending Correlator::ending_of(const EndEvent& event) {
  if (event.how == EndEvent::How::exec)
    return {event.time_ns, Outcome::exec, 0, event.calls};
  if (WIFSIGNALED(event.wait_status))
    return {event.time_ns, Outcome::signal, WTERMSIG(event.wait_status), event.calls};
  return {event.time_ns, Outcome::exit, WEXITSTATUS(event.wait_status), event.calls};
}

} // namespace forkmon
