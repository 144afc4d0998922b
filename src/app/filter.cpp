// SPDX-License-Identifier: MIT
#include "app/filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace forkmon {
namespace {

/// No patterns match everything.
bool any_matches(const std::vector<std::string>& patterns,
                 std::initializer_list<std::string> names) {
  if (patterns.empty())
    return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    });
  });
}

const Subject* subject_of(const Finding& finding) {
  return std::visit(
      [](const auto& one) -> const Subject* {
        if constexpr (requires { one.subject; })
          return &one.subject;
        else
          return nullptr;
      },
      finding);
}

} // namespace

bool Filter::matches(const Subject& subject) const {
  const std::string& exe = subject.parent.exe;
  const auto& uids = options_.uids;
  return any_matches(options_.comms, {subject.parent.comm, subject.child.comm}) &&
         any_matches(options_.exes, {exe, exe.substr(exe.rfind('/') + 1)}) &&
         any_matches(options_.cgroups, {subject.cgroup}) &&
         (uids.empty() || std::find(uids.begin(), uids.end(), subject.uid) != uids.end());
}

bool Filter::concerns(const Finding& finding) const {
  const Subject* subject = subject_of(finding);
  return subject == nullptr || matches(*subject);
}

bool Filter::prints(const Finding& finding) const {
  if (std::holds_alternative<TaintedForkFinding>(finding))
    return false;
  if (const auto* over = std::get_if<DeadlockOverFinding>(&finding))
    return over->child_lives;
  const auto* child = std::get_if<ChildFinding>(&finding);
  return child == nullptr || !child->calls.empty() || child->deadlocked || all_;
}

} // namespace forkmon
