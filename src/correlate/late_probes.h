// SPDX-License-Identifier: MIT
/// Who carried some of its probes too late.
#pragma once

#include "correlate/tracked_child.h"
#include "forkmon/event.h"

#include <cstddef>
#include <deque>

namespace forkmon {

/// Kept because the agent's own LateProbesEvents overtake what still waits in the ring buffer.
/// Bounded: of more windows than fit, the oldest two count as one, which is anybody's.
class LateProbes {
public:
  void add(const LateProbesEvent& event);

  /// Notes in `child` that it cannot be exact, where one of the windows concerns it.
  void apply_to(TrackedChild& child) const;

private:
  static constexpr std::size_t max_windows = 256;
  std::deque<LateProbesEvent> windows_;
};

/// Notes one event in `child`, if it concerns it: a child that mapped the code itself, or was
/// forked while its family had it without probes.
void apply(const LateProbesEvent& event, TrackedChild& child);

} // namespace forkmon
