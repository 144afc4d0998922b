// SPDX-License-Identifier: MIT
#include "correlate/suspects.h"

#include <algorithm>
#include <bit>

namespace forkmon {
namespace {

/// Past these, the oldest suspects start anew, and who forked a child is not remembered.
constexpr std::size_t max_known = 1024;
constexpr std::size_t max_children = 65536;

} // namespace

void Suspects::on(const Event& event) {
  if (const auto* fork = std::get_if<ForkEvent>(&event))
    take(*fork);
  else if (const auto* end = std::get_if<EndEvent>(&event))
    take(*end);
}

void Suspects::take(const ForkEvent& event) {
  const ChildRef& child = event.child;
  if (child.armed || event.parent_ended)
    return;
  if (parents_.size() >= max_children) {
    young_.erase(parents_.begin()->first);
    parents_.erase(parents_.begin());
  }
  const Child key{child.key.fork_time_ns, child.key.pid};
  // Which thread forked an adopted child is a guess.
  parents_.emplace(key, Suspect{child.parent_pid, child.adopted ? 0 : event.parent_tid,
                                child.parent_start_ticks});
  young_.insert(key);
}

void Suspects::take(const EndEvent& event) {
  const ChildKey& child = event.child.key;
  auto parent = parents_.extract({child.fork_time_ns, child.pid});
  young_.erase({child.fork_time_ns, child.pid});
  // After an exec, too: that takes the probes off.
  forget(child.pid);
  const bool soon = event.time_ns <= child.fork_time_ns + grace_ns;
  const bool harmless =
      event.child.armed ? event.calls == 0 : event.how == EndEvent::How::exec && soon;
  const Suspect unknown{event.child.parent_pid, 0, event.child.parent_start_ticks};
  if (!harmless && unknown.pid != 0)
    accuse(parent ? parent.mapped() : unknown, event.child.armed);
}

std::vector<Suspect> Suspects::due(std::uint64_t now_ns) {
  while (!young_.empty() && young_.begin()->first + grace_ns < now_ns) {
    accuse(parents_.at(*young_.begin()), false);
    young_.erase(young_.begin());
  }
  return std::exchange(due_, {});
}

void Suspects::forget(std::uint32_t pid) {
  auto is_of_process = [&](const Suspect& suspect) { return suspect.pid == pid; };
  const auto first = offences_.lower_bound({pid, 0, 0});
  const auto last = std::find_if(first, offences_.end(),
                                 [&](const auto& entry) { return !is_of_process(entry.first); });
  if (first == last)
    return;
  offences_.erase(first, last);
  std::erase_if(known_, is_of_process);
  std::erase_if(due_, is_of_process);
}

std::uint64_t Suspects::offences(std::uint32_t pid) const {
  std::uint64_t sum = 0;
  for (auto entry = offences_.lower_bound({pid, 0, 0});
       entry != offences_.end() && entry->first.pid == pid; ++entry)
    sum += entry->second;
  return sum;
}

void Suspects::accuse(const Suspect& suspect, bool was_armed) {
  const auto former = offences_.lower_bound({suspect.pid, 0, 0});
  if (former != offences_.end() && former->first.pid == suspect.pid &&
      former->first.start_ticks != suspect.start_ticks)
    forget(suspect.pid);
  if (!offences_.contains(suspect)) {
    if (known_.size() >= max_known) {
      const Suspect oldest = known_.front();
      known_.pop_front();
      offences_.erase(oldest);
      std::erase(due_, oldest);
    }
    known_.push_back(suspect);
  }
  const bool has_doubled = std::has_single_bit(++offences_[suspect]);
  if (has_doubled && !was_armed && std::ranges::find(due_, suspect) == due_.end())
    due_.push_back(suspect);
}

} // namespace forkmon
