// SPDX-License-Identifier: MIT
/// Who carried some of its probes too late.
#pragma once

#include "correlate/tracked_child.h"
#include "forkmon/event.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

namespace forkmon {

/// Kept because the agent's own LateProbesEvents overtake what still waits in the ring buffer.
/// Bounded: of more windows than fit, the oldest two count as one, which is anybody's. Processes
/// with libraries that cannot be read are kept apart, for that does not pass: past a number, one is
/// forgotten, and the kernel side alone knows that its children are not exact.
class LateProbes {
public:
  void add(const LateProbesEvent& event);

  /// Notes in `child` that it cannot be exact, where one of the windows concerns it.
  void apply_to(TrackedChild& child) const;

  /// The probes of a process were taken off, or it ended: who has its pid later is someone else.
  void end_unread(std::uint32_t pid, std::uint64_t time_ns);

private:
  static constexpr std::size_t max_windows = 256;
  static constexpr std::size_t max_unread = 1024;
  std::deque<LateProbesEvent> windows_;
  std::map<std::uint32_t, LateProbesEvent> unread_; ///< by pid
};

/// Notes one event in `child`, if it concerns it: a child that mapped the code itself, or was
/// forked while its family had it without probes.
void apply(const LateProbesEvent& event, TrackedChild& child);

} // namespace forkmon
