// SPDX-License-Identifier: MIT
#include "sinks/summary.h"

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
constexpr std::size_t shown_deadlocks = 10;
constexpr std::size_t shown_functions = 10;
constexpr std::size_t function_columns = 28;
constexpr std::size_t library_columns = 20;
constexpr std::size_t advice_columns = 512;

std::size_t index_of(Severity severity) {
  return static_cast<std::size_t>(severity);
}

// "mutex of logger", where the thread that holds it has a name.
std::string lock_text(const Lock& lock) {
  if (lock.owner && !lock.owner->comm.empty())
    return fmt::format("{} of {}", to_string(lock.kind), lock.owner->comm);
  return to_string(lock.kind);
}

std::string advice_line(const std::string& advice) {
  return advice.empty() ? ""
                        : fmt::format("            {}\n", for_terminal(advice, advice_columns));
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
  Waiting key{base_name(deadlock.subject.parent.exe), lock_text(deadlock.lock)};
  if (deadlocks_.size() >= max_deadlocks && !deadlocks_.contains(key))
    key = {"(others)", ""};
  Deadlocks& same = deadlocks_[key];
  same.severity = std::max(same.severity, deadlock.severity);
  ++same.count;
  same.advice = deadlock.advice;
  ++findings_[index_of(deadlock.severity)];
  ++(deadlock.proof ? proven_ : suspected_);
}

void Summary::add(const ChildFinding& child) {
  for (const CallCount& call : child.calls) {
    Calls& calls = calls_of(call.function, call.library);
    calls.severity = std::max(calls.severity, call.severity);
    calls.calls += call.count - std::min<std::uint64_t>(call.count, 1); // the first is in already
  }
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

std::string Summary::counts(std::uint64_t traced_us, const KernelTotals& totals) const {
  std::string text =
      fmt::format("forkmon watched for {}\n", human_duration(traced_us)) +
      fmt::format("  forks             {}\n", totals.forks) +
      fmt::format("  tainted children  {}  (forked by a process with several threads)\n",
                  totals.tainted_forks) +
      fmt::format("  findings          {}\n", by_severity());
  if (!deadlocks_.empty())
    text += fmt::format("  deadlocks         {} proven, {} suspected\n", proven_, suspected_);
  if (allowed_ > 0)
    text +=
        fmt::format("  allowed           {}  (findings left out by the configuration)\n", allowed_);
  if (lost_ > 0)
    text += fmt::format("  events lost       {}  (numbers of calls may be too low)\n", lost_);
  return text;
}

std::string Summary::deadlocks() const {
  const auto worst = worst_first(deadlocks_, &Deadlocks::count);
  std::string text = fmt::format("  {:<8}  {:<{}}  {:<{}}  {:>10}\n", "SEVERITY", "DEADLOCKED IN",
                                 function_columns, "LOCK", library_columns, "TIMES");
  for (std::size_t i = 0; i < std::min(worst.size(), shown_deadlocks); ++i) {
    const auto& [waiting, same] = *worst[i];
    text += fmt::format("  {:<8}  {}  {}  {:>10}\n", to_string(same.severity),
                        left_column(waiting.first, function_columns),
                        left_column(waiting.second, library_columns), same.count) +
            advice_line(same.advice);
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
        advice_line(calls.advice);
  }
  if (worst.size() > shown_functions)
    text += fmt::format("  … and {} more functions\n", worst.size() - shown_functions);
  return text;
}

std::string Summary::closing_line() const {
  if (proven_ > 0)
    return "Next: kill the deadlocked children, for nothing else ends their wait, and then take "
           "the "
           "way out\n      that is told above with each.\n";
  if (suspected_ > 0)
    return "Next: look at the stuck children first, for they may wait for ever. The way out is "
           "told "
           "above\n      with each.\n";
  if (functions_.empty())
    return lost_ == 0 ? "No unsafe calls after fork were seen.\n"
                      : "No unsafe calls after fork were seen, but events were lost.\n";
  const auto worse_than_warning =
      findings_[index_of(Severity::high)] + findings_[index_of(Severity::critical)];
  if (worse_than_warning > 0)
    return "Next: fix the high ones first. Nobody repairs their locks after fork, so a child can "
           "hang for ever.\n";
  return "Next: no finding is urgent. fork() repairs the library's own locks here; make sure that "
         "no thread holds\n      one of the application's when it forks. POSIX promises neither.\n";
}

std::string Summary::render(std::uint64_t traced_us, const KernelTotals& totals) const {
  std::string text = counts(traced_us, totals);
  if (!deadlocks_.empty())
    text += "\n" + deadlocks() + (functions_.empty() ? "\n" : "");
  if (!functions_.empty())
    text += "\n" + worst_functions() + "\n";
  return text + closing_line();
}

} // namespace forkmon
