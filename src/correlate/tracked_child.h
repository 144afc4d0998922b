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

/// From when on a child's counts cannot be exact, and why.
struct Doubt {
  std::uint64_t from_ns = std::numeric_limits<std::uint64_t>::max();
  Inexact why;

  /// The first one counts; of two at the same time one that says which library was not read.
  void note(std::uint64_t time_ns, const Inexact& reason) {
    const bool says_more = time_ns == from_ns && reason.cause == InexactCause::library_unread;
    if (time_ns < from_ns || says_more)
      *this = {time_ns, reason};
  }
};

struct TrackedChild {
  ChildRef ref;
  Subject subject;
  bool locks_repaired = true; ///< made by fork(), as far as is known
  bool fork_seen = false;  ///< otherwise made from another event's ChildRef, its fork record lost
  bool is_counted = false; ///< among the living ones, by its TaintedForkFinding
  bool is_orphan = false;  ///< who forked it is not known, nor whether it is tainted

  /// Its pid, its parent's, and so on while they are tainted: whose probes are also its own.
  std::vector<std::uint32_t> family;
  bool family_cut = false;                      ///< there are ancestors that `family` does not name
  Doubt doubt;                                  ///< the first in its lifetime
  Inexact bare{InexactCause::not_armed, ""};    ///< why it lacked probes at its fork, if it did
  std::optional<std::uint64_t> counted_from_ns; ///< probes were put on it then, and stayed
  bool was_armed = false;                       ///< at its fork
  std::uint64_t unresolved_hits = 0;            ///< as its EndEvent says

  bool is_stuck = false;                     ///< reported, and not over
  bool stuck_proof = false;                  ///< as it was last reported
  Severity stuck_severity = Severity::info;  ///< the same
  std::optional<Severity> deadlock_severity; ///< of the worst that was reported

  std::map<FunctionId, LibraryId> announced; ///< functions that have had their finding, and where
  std::vector<std::pair<FunctionId, std::uint32_t>> counts; ///< of its CallsEvent
};

} // namespace forkmon
