// SPDX-License-Identifier: MIT
#include "app/allow_list.h"

#include "util/glob.h"

#include <algorithm>

namespace forkmon {

bool AllowList::allows(const std::string& exe) const {
  return std::ranges::any_of(rules_, [&](const AllowRule& rule) {
    return rule.function.empty() && matches_path(rule.exe, exe);
  });
}

bool AllowList::allows(const std::string& exe, const std::string& function) const {
  return std::ranges::any_of(rules_, [&](const AllowRule& rule) {
    return (rule.exe.empty() || matches_path(rule.exe, exe)) &&
           (rule.function.empty() || matches(rule.function, function));
  });
}

bool AllowList::remains(const UnsafeCallFinding& call) {
  if (!allows(call.subject.parent.exe, call.function))
    return true;
  allowed_["unsafe_call"]++;
  return false;
}

bool AllowList::remains(DeadlockFinding& deadlock) {
  if (deadlock.proof && suspects_.erase(deadlock.subject.child.pid) > 0)
    deadlock.suspected_before.reset(); // nobody has been told
  if (deadlock.proof || !allows(deadlock.subject.parent.exe))
    return true;
  suspects_.insert(deadlock.subject.child.pid);
  allowed_["deadlock"]++;
  return false;
}

bool AllowList::remains(const DeadlockOverFinding& over) const {
  return over.proof || !suspects_.contains(over.subject.child.pid);
}

/// A child's end is counted in any case. It is told without what was allowed of the child.
bool AllowList::remains(ChildFinding& child) {
  const bool was_suspect = suspects_.erase(child.subject.child.pid) > 0;
  const auto removed = std::erase_if(child.calls, [&](const CallCount& call) {
    return allows(child.subject.parent.exe, call.function);
  });
  const bool is_proven = child.severity == Severity::critical;
  if ((removed == 0 && !was_suspect) || is_proven)
    return true;
  child.deadlocked = child.deadlocked && !was_suspect;
  child.severity = child.deadlocked ? Severity::high : Severity::info;
  for (const CallCount& call : child.calls)
    child.severity = std::max(child.severity, call.severity);
  if (child.calls.empty() && !child.deadlocked)
    child.advice.clear();
  return true;
}

std::optional<Finding> AllowList::rest_of(Finding finding) {
  if (!std::visit([this](auto& one) { return this->remains(one); }, finding))
    return std::nullopt;
  return finding;
}

} // namespace forkmon
