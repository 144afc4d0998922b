// SPDX-License-Identifier: MIT
#include "correlate/suspects.h"

#include <algorithm>
#include <bit>

namespace forkmon {
namespace {

/// Past these, the oldest suspects start anew, and young children wait for their end.
constexpr std::size_t max_known = 1024;
constexpr std::size_t max_young = 65536;

} // namespace

void Suspects::on(const Event& event) {
  if (const auto* fork = std::get_if<ForkEvent>(&event))
    take(*fork);
  else if (const auto* end = std::get_if<EndEvent>(&event))
    take(*end);
}

void Suspects::take(const ForkEvent& event) {
  if (!event.child.armed && young_.size() < max_young)
    young_.emplace(std::pair(event.child.key.fork_time_ns, event.child.key.pid),
                   event.child.parent_pid);
}

void Suspects::take(const EndEvent& event) {
  const ChildKey& child = event.child.key;
  young_.erase({child.fork_time_ns, child.pid});
  // After an exec, too: that takes the probes off.
  forget(child.pid);
  const bool soon = event.time_ns <= child.fork_time_ns + grace_ns;
  const bool harmless =
      event.child.armed ? event.calls == 0 : event.how == EndEvent::How::exec && soon;
  if (!harmless)
    accuse(event.child.parent_pid, event.child.armed);
}

std::vector<std::uint32_t> Suspects::due(std::uint64_t now_ns) {
  while (!young_.empty() && young_.begin()->first.first + grace_ns < now_ns) {
    accuse(young_.begin()->second, false);
    young_.erase(young_.begin());
  }
  return std::exchange(due_, {});
}

void Suspects::forget(std::uint32_t pid) {
  offences_.erase(pid);
  std::erase(known_, pid);
  std::erase(due_, pid);
}

std::uint64_t Suspects::offences(std::uint32_t pid) const {
  auto found = offences_.find(pid);
  return found == offences_.end() ? 0 : found->second;
}

void Suspects::accuse(std::uint32_t pid, bool was_armed) {
  if (!offences_.contains(pid)) {
    if (known_.size() >= max_known)
      forget(known_.front());
    known_.push_back(pid);
  }
  const bool has_doubled = std::has_single_bit(++offences_[pid]);
  if (has_doubled && !was_armed && std::ranges::find(due_, pid) == due_.end())
    due_.push_back(pid);
}

} // namespace forkmon
