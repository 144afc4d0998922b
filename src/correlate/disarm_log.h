// SPDX-License-Identifier: MIT
/// Whose probes were taken off, when, and why.
#pragma once

#include "correlate/tracked_child.h"
#include "forkmon/event.h"

#include <cstdint>
#include <map>

namespace forkmon {

/// Kept because the agent's own DisarmEvents overtake what still waits in the ring buffer: a child
/// may be heard of only after the probes that it inherited were taken off. Bounded; what it has
/// forgotten counts against every child of that time.
class DisarmLog {
public:
  void add(const DisarmEvent& event);

  /// Notes in `child` what was taken off its family since its fork, and what before.
  void apply_to(TrackedChild& child) const;

private:
  std::map<std::uint32_t, DisarmEvent> last_; ///< by pid; 0: of anybody
  DisarmEvent latest_;                        ///< of all
  DisarmEvent forgotten_;                     ///< the latest of those that are not in last_
};

/// Notes one DisarmEvent in `child`, if it is about its family and in its lifetime.
void apply(const DisarmEvent& event, TrackedChild& child);

} // namespace forkmon
