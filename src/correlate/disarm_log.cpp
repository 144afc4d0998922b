// SPDX-License-Identifier: MIT
#include "correlate/disarm_log.h"

#include <algorithm>

namespace forkmon {
namespace {

constexpr std::size_t max_pids = 1024;

void note(std::uint64_t time_ns, TrackedChild& child) {
  if (time_ns >= child.ref.key.fork_time_ns)
    child.disarmed_ns = std::min(child.disarmed_ns, time_ns);
}

} // namespace

void DisarmLog::add(const DisarmEvent& event) {
  if (last_ns_.size() >= max_pids) {
    forgotten_ns_ = latest_ns_;
    last_ns_.clear();
  }
  std::uint64_t& last = last_ns_[event.pid];
  last = std::max(last, event.time_ns);
  latest_ns_ = std::max(latest_ns_, event.time_ns);
}

void DisarmLog::apply_to(TrackedChild& child) const {
  note(child.family_cut ? latest_ns_ : forgotten_ns_, child);
  for (const std::uint32_t pid : child.family) {
    if (const auto it = last_ns_.find(pid); it != last_ns_.end())
      note(it->second, child);
  }
}

void apply(const DisarmEvent& event, TrackedChild& child) {
  const bool of_family =
      std::find(child.family.begin(), child.family.end(), event.pid) != child.family.end();
  if (of_family || child.family_cut)
    note(event.time_ns, child);
}

} // namespace forkmon
