// SPDX-License-Identifier: MIT
#include "app/filter.h"

#include "util/glob.h"

#include <algorithm>

namespace forkmon {
namespace {

/// No patterns match everything.
template <typename Matches>
bool any(const std::vector<std::string>& patterns, Matches matches) {
  return patterns.empty() || std::ranges::any_of(patterns, matches);
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
  const auto& [comms, exes, cgroups, uids] = options_;
  return any(comms,
             [&](const std::string& pattern) {
               return forkmon::matches(pattern, subject.parent.comm) ||
                      forkmon::matches(pattern, subject.child.comm);
             }) &&
         any(exes,
             [&](const std::string& pattern) {
               return matches_path(pattern, subject.parent.exe);
             }) &&
         any(cgroups,
             [&](const std::string& pattern) {
               return forkmon::matches(pattern, subject.cgroup);
             }) &&
         (uids.empty() || std::ranges::find(uids, subject.uid) != uids.end());
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
