// SPDX-License-Identifier: MIT
/// What the correlator knows of one tainted child.
#pragma once

#include "forkmon/event.h"
#include "forkmon/finding.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace forkmon {

struct TrackedChild {
  ChildRef ref;
  Subject subject;
  bool locks_repaired = true; ///< made by fork(), as far as is known
  bool fork_seen = false; ///< otherwise made from another event's ChildRef, its fork record lost

  /// Its pid, its parent's, and so on while they are tainted: whose probes are also its own.
  std::vector<std::uint32_t> family;
  bool family_cut = false; ///< there are ancestors that `family` does not name
  std::uint64_t disarmed_ns = std::numeric_limits<std::uint64_t>::max(); ///< first in its lifetime

  bool is_stuck = false;                     ///< reported, and not over
  bool stuck_proof = false;                  ///< as it was last reported
  std::optional<Severity> deadlock_severity; ///< of the worst that was reported

  std::map<FunctionId, LibraryId> announced; ///< functions that have had their finding, and where
  std::vector<std::pair<FunctionId, std::uint32_t>> counts; ///< of its CallsEvent
};

} // namespace forkmon
