// SPDX-License-Identifier: MIT
/// Whose probes were taken off, and when.
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

  /// Notes in `child` what was taken off its family since its fork.
  void apply_to(TrackedChild& child) const;

private:
  std::map<std::uint32_t, std::uint64_t> last_ns_; ///< by pid
  std::uint64_t latest_ns_ = 0;                    ///< of all
  std::uint64_t forgotten_ns_ = 0;                 ///< latest of those that are not in last_ns_
};

/// Notes one DisarmEvent in `child`, if it is about its family and in its lifetime.
void apply(const DisarmEvent& event, TrackedChild& child);

} // namespace forkmon
