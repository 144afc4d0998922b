// SPDX-License-Identifier: MIT
#include "sinks/summary.h"

#include "sinks/inexact_text.h"
#include "sinks/wrapped_lines.h"
#include "util/text.h"
#include "util/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace forkmon {
namespace {

constexpr std::size_t max_functions = 1024;
constexpr std::size_t max_deadlocks = 1024;
constexpr std::size_t max_stuck = 1024;
constexpr std::size_t shown_deadlocks = 10;
constexpr std::size_t shown_functions = 10;
constexpr std::size_t function_columns = 28;
constexpr std::size_t library_columns = 20;
constexpr std::size_t advice_columns = 80; // in a line
constexpr std::size_t why_columns = 512;

std::size_t index_of(Severity severity) {
  return static_cast<std::size_t>(severity);
}

// "mutex of logger", where the thread that holds it has a name.
std::string waits_for(const DeadlockFinding& deadlock) {
  if (deadlock.reason == StuckReason::spins || deadlock.reason == StuckReason::naps)
    return "nothing: it spins";
  if (deadlock.reason == StuckReason::own_pipe)
    return "its own pipe";
  const Lock& lock = deadlock.lock;
  if (lock.owner && !lock.owner->comm.empty())
    return fmt::format("{} of {}", to_string(lock.kind), lock.owner->comm);
  return to_string(lock.kind);
}

// Nobody is sent looking for the holder of a lock that an idle worker waits for.
Remedy remedy_of(const DeadlockFinding& deadlock) {
  return deadlock.severity == Severity::info ? Remedy::look_first : deadlock.remedy;
}

std::string advice_text(const std::string& advice) {
  std::string text;
  for (const std::string& part : wrapped_lines(advice, advice_columns))
    text += "            " + part + "\n";
  return text;
}

// The entries of a map, the worst first, and of equal ones those with the higher `number`.
template <typename Map, typename Number>
std::vector<const typename Map::value_type*> worst_first(const Map& map, Number number) {
  std::vector<const typename Map::value_type*> worst;
  for (const auto& entry : map)
    worst.push_back(&entry);
  std::ranges::stable_sort(worst, [&](const auto* a, const auto* b) {
    return a->second.severity != b->second.severity ? a->second.severity > b->second.severity
                                                    : a->second.*number > b->second.*number;
  });
  return worst;
}

} // namespace

void Summary::on(const Finding& finding) {
  std::visit([this](const auto& f) { add(f); }, finding);
}

Summary::Calls& Summary::calls_of(const std::string& function, const std::string& library) {
  const Function key{function, base_name(library)};
  if (functions_.size() < max_functions || functions_.contains(key))
    return functions_[key];
  return functions_[{"(other functions)", ""}];
}

void Summary::add(const UnsafeCallFinding& call) {
  Calls& calls = calls_of(call.function, call.library);
  calls.severity = std::max(calls.severity, call.severity);
  ++calls.calls;
  ++calls.children;
  calls.advice = call.advice;
  ++findings_[index_of(call.severity)];
}

void Summary::add(const DeadlockFinding& deadlock) {
  const std::uint32_t child = deadlock.subject.child.pid;
  take_back_suspicion(child);
  Waiting key{base_name(deadlock.subject.parent.exe), waits_for(deadlock)};
  if (deadlocks_.size() >= max_deadlocks && !deadlocks_.contains(key))
    key = {"(others)", ""};
  Deadlocks& same = deadlocks_[key];
  same.severity = std::max(same.severity, deadlock.severity);
  ++same.count;
  same.advice = deadlock.advice;
  ++findings_[index_of(deadlock.severity)];
  ++(deadlock.proof ? proven_ : suspected_);
  const Parent& parent = deadlock.subject.parent;
  if (stuck_.size() < max_stuck)
    stuck_[child] = {key,
                     deadlock.proof,
                     deadlock.severity,
                     {child, parent.ended ? 0 : parent.pid, remedy_of(deadlock)}};
}

// A suspicion that was wrong does not count.
void Summary::add(const DeadlockOverFinding& over) {
  if (over.child_lives && !over.proof)
    take_back_suspicion(over.subject.child.pid);
  else
    stuck_.erase(over.subject.child.pid);
}

// A child that was suspected and is now proven counts once.
void Summary::take_back_suspicion(std::uint32_t child_pid) {
  const auto it = stuck_.find(child_pid);
  if (it == stuck_.end() || it->second.proof)
    return;
  const Stuck& before = it->second;
  --suspected_;
  --findings_[index_of(before.severity)];
  if (--deadlocks_[before.key].count == 0)
    deadlocks_.erase(before.key);
  stuck_.erase(it);
}

void Summary::add(const ChildFinding& child) {
  ++children_;
  unresolved_children_ += child.unresolved_hits > 0 ? 1 : 0;
  // Of children that were forked before, nothing is claimed anyway.
  if (!child.exact && child.inexact.cause != InexactCause::adopted)
    add_unwatched(child);
  if (child.outcome != Outcome::alive)
    stuck_.erase(child.subject.child.pid);
  for (const CallCount& call : child.calls) {
    Calls& calls = calls_of(call.function, call.library);
    calls.severity = std::max(calls.severity, call.severity);
    calls.calls += call.count - std::min<std::uint64_t>(call.count, 1); // the first is in already
  }
}

void Summary::add_unwatched(const ChildFinding& child) {
  const InexactCause cause = child.inexact.cause;
  Unwatched& unwatched = inexact_[cause];
  if (++unwatched.children == 1)
    unwatched.why =
        cause == InexactCause::library_unread ? inexact_text(child) : inexact_text(cause);
}

void Summary::add(const LostFinding& lost) {
  lost_ += lost.count;
}

std::string Summary::by_severity() const {
  std::string text;
  for (Severity severity :
       {Severity::critical, Severity::high, Severity::warning, Severity::info}) {
    const std::uint64_t count = findings_[index_of(severity)];
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(severity));
  }
  return text.empty() ? "none" : text;
}

std::string Summary::counts(std::uint64_t traced_us, const KernelTotals& totals,
                            const std::string& until) const {
  std::string text =
      fmt::format("forkmon watched for {}{}{}\n", human_duration(traced_us),
                  until.empty() ? "" : ", until ", until) +
      fmt::format("  forks             {}\n", totals.forks) +
      fmt::format("  tainted children  {}  (forked by a process with several threads)\n",
                  totals.tainted_forks);
  if (adopted_ > 0)
    text += fmt::format("  already forked    {}  (before forkmon started: what they called until "
                        "then is not known)\n",
                        adopted_);
  text += fmt::format("  findings          {}\n", by_severity());
  if (!deadlocks_.empty())
    text += fmt::format("  deadlocks         {} proven, {} suspected\n", proven_, suspected_);
  if (allowed_ > 0)
    text +=
        fmt::format("  allowed           {}  (findings left out by the configuration)\n", allowed_);
  if (lost_ > 0)
    text += fmt::format("  events lost       {}  (numbers of calls may be too low)\n", lost_);
  return text + unresolved(totals);
}

std::string Summary::unresolved(const KernelTotals& totals) const {
  if (totals.unresolved_hits == 0)
    return "";
  return fmt::format(
      "  not matched       {} hits of probes in {} children could not be matched to a "
      "library: these calls are not\n                    counted\n",
      totals.unresolved_hits, unresolved_children_);
}

// All is claimed only where all was watched.
std::string Summary::nothing_seen(const KernelTotals& totals) const {
  std::uint64_t inexact = 0;
  const Unwatched* most = nullptr;
  for (const auto& [cause, unwatched] : inexact_) {
    inexact += unwatched.children;
    if (most == nullptr || unwatched.children > most->children)
      most = &unwatched;
  }
  if (most != nullptr)
    return fmt::format("No unsafe calls were seen, but {} of {} {}children {} not watched "
                       "completely:\n{}{}.\n",
                       inexact, children_, adopted_ > 0 ? "" : "tainted ",
                       inexact == 1 ? "was" : "were", inexact_.size() > 1 ? "most of all, " : "",
                       for_terminal(most->why, why_columns));
  if (lost_ > 0 || totals.unresolved_hits > 0)
    return fmt::format("No unsafe calls after fork were seen, but {}.\n",
                       lost_ > 0 ? "events were lost" : "hits of probes were not matched");
  return adopted_ == 0 ? "No unsafe calls after fork were seen.\n"
                       : "No unsafe calls after fork were seen in children forked meanwhile.\n";
}

std::string Summary::deadlocks() const {
  const auto worst = worst_first(deadlocks_, &Deadlocks::count);
  std::string text =
      fmt::format("  {:<8}  {:<{}}  {:<{}}  {:>10}\n", "SEVERITY", "STUCK CHILDREN OF",
                  function_columns, "WAIT FOR", library_columns, "TIMES");
  for (std::size_t i = 0; i < std::min(worst.size(), shown_deadlocks); ++i) {
    const auto& [waiting, same] = *worst[i];
    text += fmt::format("  {:<8}  {}  {}  {:>10}\n", to_string(same.severity),
                        left_column(waiting.first, function_columns),
                        left_column(waiting.second, library_columns), same.count) +
            advice_text(same.advice);
  }
  if (worst.size() > shown_deadlocks)
    text += fmt::format("  … and {} more deadlocks\n", worst.size() - shown_deadlocks);
  return text;
}

std::string Summary::worst_functions() const {
  const auto worst = worst_first(functions_, &Calls::calls);
  std::string text = fmt::format("  {:<8}  {:<{}}  {:<{}}  {:>10}  {:>8}\n", "SEVERITY", "FUNCTION",
                                 function_columns, "LIBRARY", library_columns, "CALLS", "CHILDREN");
  for (std::size_t i = 0; i < std::min(worst.size(), shown_functions); ++i) {
    const auto& [function, calls] = *worst[i];
    text +=
        fmt::format("  {:<8}  {}  {}  {:>10}  {:>8}\n", to_string(calls.severity),
                    left_column(function.first, function_columns),
                    left_column(function.second, library_columns), calls.calls, calls.children) +
        advice_text(calls.advice);
  }
  if (worst.size() > shown_functions)
    text += fmt::format("  … and {} more functions\n", worst.size() - shown_functions);
  return text;
}

std::string Summary::closing_of_deadlocks() const {
  std::vector<StuckChild> stuck;
  for (const auto& [pid, child] : stuck_)
    stuck.push_back(child.child);
  if (stuck.empty())
    return "No child is stuck any more. Next: apply the advice given above with each.\n";
  return next_steps(stuck) + "Then apply the advice given above with each.\n";
}

std::string Summary::closing_line(const KernelTotals& totals) const {
  if (proven_ + suspected_ > 0)
    return closing_of_deadlocks();
  if (functions_.empty())
    return nothing_seen(totals);
  const auto worse_than_warning =
      findings_[index_of(Severity::high)] + findings_[index_of(Severity::critical)];
  if (worse_than_warning > 0)
    return "Next: fix the high ones first. Nobody repairs their locks after fork, so a child can "
           "hang for ever.\n";
  return "Next: no finding is urgent. fork() repairs the library's own locks here; make sure that "
         "no thread holds\n      one of the application's when it forks. POSIX promises neither.\n";
}

std::string Summary::render(std::uint64_t traced_us, const KernelTotals& totals,
                            const std::string& until) const {
  std::string text = counts(traced_us, totals, until);
  if (!deadlocks_.empty())
    text += "\n" + deadlocks() + (functions_.empty() ? "\n" : "");
  if (!functions_.empty())
    text += "\n" + worst_functions() + "\n";
  return text + closing_line(totals);
}

} // namespace forkmon
