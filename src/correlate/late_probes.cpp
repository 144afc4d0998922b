// SPDX-License-Identifier: MIT
#include "correlate/late_probes.h"

#include <algorithm>

namespace forkmon {
namespace {

bool was_forked_in(const LateProbesEvent& event, const TrackedChild& child) {
  const std::uint64_t fork_ns = child.ref.key.fork_time_ns;
  if (fork_ns < event.from_ns || fork_ns > event.to_ns)
    return false;
  return event.family.empty() || child.family_cut ||
         std::ranges::find_first_of(child.family, event.family) != child.family.end();
}

bool mapped_itself(const LateProbesEvent& event, const TrackedChild& child) {
  return child.ref.key.pid == event.pid && child.ref.key.fork_time_ns <= event.to_ns;
}

/// Of two windows, one that holds both.
LateProbesEvent joined(const LateProbesEvent& one, const LateProbesEvent& other) {
  return {std::min(one.from_ns, other.from_ns),
          std::max(one.to_ns, other.to_ns),
          0,
          {},
          {InexactCause::library_late, ""}};
}

} // namespace

void LateProbes::add(const LateProbesEvent& event) {
  if (event.why.cause == InexactCause::library_unread && event.pid != 0) {
    if (unread_.size() >= max_unread && !unread_.contains(event.pid))
      unread_.erase(unread_.begin());
    unread_.insert_or_assign(event.pid, event);
    return;
  }
  windows_.push_back(event);
  if (windows_.size() <= max_windows)
    return;
  windows_[1] = joined(windows_[0], windows_[1]);
  windows_.pop_front();
}

void LateProbes::apply_to(TrackedChild& child) const {
  for (const LateProbesEvent& event : windows_)
    apply(event, child);
  for (const std::uint32_t pid : child.family)
    if (const auto found = unread_.find(pid); found != unread_.end())
      apply(found->second, child);
}

void LateProbes::end_unread(std::uint32_t pid, std::uint64_t time_ns) {
  if (const auto found = unread_.find(pid); found != unread_.end())
    found->second.to_ns = std::min(found->second.to_ns, time_ns);
}

void apply(const LateProbesEvent& event, TrackedChild& child) {
  const std::uint64_t fork_ns = child.ref.key.fork_time_ns;
  if (was_forked_in(event, child))
    child.doubt.note(fork_ns, event.why);
  else if (mapped_itself(event, child)) // but it may have ended, or called exec, before
    child.doubt.note(std::max(event.from_ns, fork_ns), event.why);
}

} // namespace forkmon
