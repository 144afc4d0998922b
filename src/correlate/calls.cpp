// SPDX-License-Identifier: MIT
#include "correlate/calls.h"

#include "correlate/advice.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace forkmon {
namespace {

struct Call {
  ProbedFunction function;
  std::string library;
  std::string category;
  std::uint64_t count = 0;
};

/// Without fork()'s repairs a lock is as it was, whatever the library does for fork().
void take_back_repairs(ProbedFunction& function) {
  if (function.is_protected)
    function.severity = std::max(function.severity, Severity::high);
  function.is_protected = false;
}

/// The file that the child called the function in; else the kind of library that has it.
std::string library_of(const FunctionTable& functions, const TrackedChild& child, FunctionId id,
                       const ProbedFunction& function) {
  const auto announced = child.announced.find(id);
  const std::string* path =
      announced == child.announced.end() ? nullptr : functions.find_library(announced->second);
  return path ? *path : function.provider;
}

Call describe(const FunctionTable& functions, const TrackedChild& child, FunctionId id,
              std::uint64_t count) {
  if (const ProbedFunction* known = functions.find(id)) {
    Call call{*known, library_of(functions, child, id, *known),
              std::string(to_string(known->category)), count};
    if (!child.locks_repaired)
      take_back_repairs(call.function);
    return call;
  }
  ProbedFunction unknown;
  unknown.function = "function_" + std::to_string(id);
  unknown.severity = Severity::warning;
  return {unknown, {}, "unknown", count};
}

std::map<FunctionId, std::uint64_t> counts_by_function(const TrackedChild& child) {
  std::map<FunctionId, std::uint64_t> result;
  for (const auto& [function, count] : child.counts)
    result[function] += count;
  for (const auto& [function, library] : child.announced)
    result.try_emplace(function, 1);
  return result;
}

std::vector<Call> sorted_calls(const FunctionTable& functions, const TrackedChild& child) {
  std::vector<Call> calls;
  for (const auto& [function, count] : counts_by_function(child))
    calls.push_back(describe(functions, child, function, count));
  std::ranges::stable_sort(calls, std::ranges::greater{}, [](const Call& call) {
    return std::tuple(call.function.severity, call.count);
  });
  return calls;
}

} // namespace

std::uint64_t microseconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

UnsafeCallFinding unsafe_call(const FunctionTable& functions, const TrackedChild& child,
                              FunctionId function, std::uint64_t time_ns, Evidence evidence,
                              const std::vector<Frame>& stack) {
  Call call = describe(functions, child, function, 1);
  UnsafeCallFinding finding;
  finding.time_ns = time_ns;
  finding.severity = call.function.severity;
  finding.subject = child.subject;
  finding.function = std::move(call.function.function);
  finding.category = std::move(call.category);
  finding.library = std::move(call.library);
  finding.is_protected = call.function.is_protected;
  finding.evidence = evidence;
  finding.since_fork_us = microseconds_between(child.ref.key.fork_time_ns, time_ns);
  finding.stack = stack;
  finding.advice =
      advice_for_call(call.function.hint, fork_path_of(child.subject.parent.exe, stack, {}));
  return finding;
}

std::vector<CallCount> calls_of(const FunctionTable& functions, const TrackedChild& child) {
  std::vector<CallCount> result;
  for (Call& call : sorted_calls(functions, child))
    result.push_back({std::move(call.function.function), std::move(call.category),
                      std::move(call.library), call.function.severity, call.count});
  return result;
}

/// Before the exec, _posixsubprocess.c of CPython makes no unsafe calls itself: preexec_fn does.
std::string advice_for(const FunctionTable& functions, const TrackedChild& child, Outcome outcome) {
  const auto calls = sorted_calls(functions, child);
  if (calls.empty())
    return {};
  const ForkPath path = fork_path_of(child.subject.parent.exe, {}, {});
  const bool before_exec = path == ForkPath::python && outcome == Outcome::exec;
  return advice_for_call(calls.front().function.hint, before_exec ? ForkPath::preexec_fn : path);
}

bool counts_are_complete(const TrackedChild& child, std::uint64_t sum) {
  std::uint64_t counted = 0;
  std::set<FunctionId> functions;
  for (const auto& [function, count] : child.counts) {
    counted += count;
    functions.insert(function);
  }
  return counted == sum && std::ranges::all_of(child.announced, [&](const auto& entry) {
           return functions.contains(entry.first);
         });
}

} // namespace forkmon
