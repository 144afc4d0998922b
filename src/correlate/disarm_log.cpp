// SPDX-License-Identifier: MIT
#include "correlate/disarm_log.h"

#include <algorithm>

namespace forkmon {
namespace {

constexpr std::size_t max_pids = 1024;

/// Taken off before its fork, they explain why the child carried none.
void note(const DisarmEvent& event, TrackedChild& child) {
  if (event.time_ns < child.ref.key.fork_time_ns) {
    if (event.pid != 0)
      child.bare = {event.cause, ""};
    return;
  }
  child.doubt.note(event.time_ns, {event.cause, ""});
  child.counted_from_ns.reset();
}

/// It may have been of its family, or of another.
void note_doubtful(const DisarmEvent& event, TrackedChild& child) {
  note({event.time_ns, 0, InexactCause::disarmed}, child);
}

void keep_later(DisarmEvent& kept, const DisarmEvent& event) {
  if (event.time_ns >= kept.time_ns)
    kept = event;
}

} // namespace

void DisarmLog::add(const DisarmEvent& event) {
  if (last_.size() >= max_pids) {
    forgotten_ = latest_;
    last_.clear();
  }
  keep_later(last_[event.pid], event);
  keep_later(latest_, event);
}

void DisarmLog::apply_to(TrackedChild& child) const {
  note_doubtful(child.family_cut ? latest_ : forgotten_, child);
  if (const auto anybody = last_.find(0); anybody != last_.end())
    note(anybody->second, child);
  for (const std::uint32_t pid : child.family) {
    if (const auto it = last_.find(pid); it != last_.end())
      note(it->second, child);
  }
}

void apply(const DisarmEvent& event, TrackedChild& child) {
  const bool of_family =
      std::find(child.family.begin(), child.family.end(), event.pid) != child.family.end();
  if (event.pid == 0 || of_family)
    note(event, child);
  else if (child.family_cut)
    note_doubtful(event, child);
}

} // namespace forkmon
