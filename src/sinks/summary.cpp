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
constexpr std::size_t shown_functions = 10;
constexpr std::size_t function_columns = 28;
constexpr std::size_t library_columns = 20;

std::size_t index_of(Severity severity) {
  return static_cast<std::size_t>(severity);
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
  if (lost_ > 0)
    text += fmt::format("  events lost       {}  (numbers of calls may be too low)\n", lost_);
  return text;
}

std::string Summary::worst_functions() const {
  std::vector<const std::pair<const Function, Calls>*> worst;
  for (const auto& entry : functions_)
    worst.push_back(&entry);
  std::stable_sort(worst.begin(), worst.end(), [](const auto* a, const auto* b) {
    return a->second.severity != b->second.severity ? a->second.severity > b->second.severity
                                                    : a->second.calls > b->second.calls;
  });
  std::string text = fmt::format("  {:<8}  {:<{}}  {:<{}}  {:>10}  {:>8}\n", "SEVERITY", "FUNCTION",
                                 function_columns, "LIBRARY", library_columns, "CALLS", "CHILDREN");
  for (std::size_t i = 0; i < std::min(worst.size(), shown_functions); ++i) {
    const auto& [function, calls] = *worst[i];
    text += fmt::format("  {:<8}  {}  {}  {:>10}  {:>8}\n", to_string(calls.severity),
                        left_column(function.first, function_columns),
                        left_column(function.second, library_columns), calls.calls, calls.children);
    if (!calls.advice.empty())
      text += fmt::format("            {}\n", for_terminal(calls.advice));
  }
  if (worst.size() > shown_functions)
    text += fmt::format("  … and {} more functions\n", worst.size() - shown_functions);
  return text;
}

std::string Summary::closing_line() const {
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
  if (!functions_.empty())
    text += "\n" + worst_functions() + "\n";
  return text + closing_line();
}

} // namespace forkmon
