// SPDX-License-Identifier: MIT
/// Which processes deserve probes when not all have them: those that fork and do not exec at once.
#pragma once

#include "forkmon/event.h"

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace forkmon {

/// Pure and bounded. A parent commits an offence when a tainted child of it outlives the grace time
/// or ends without exec; of children that carried probes, only those that made an unsafe call
/// count.
class Suspects {
public:
  static constexpr std::uint64_t grace_ns = 20'000'000;

  void on(const Event& event);

  /// Pids of suspects, in the order in which they became it: each is given at its first offence
  /// that no probes saw, and again whenever these have doubled, for it may not have been armed.
  std::vector<std::uint32_t> due(std::uint64_t now_ns);

  /// So far; 0 for one that is not known.
  std::uint64_t offences(std::uint32_t pid) const;

  /// The process has ended: who has its pid next is someone else.
  void forget(std::uint32_t pid);

private:
  void take(const ForkEvent& event);
  void take(const EndEvent& event);
  void accuse(std::uint32_t pid, bool was_armed);

  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t>
      young_; ///< (fork time, child) → parent, of children within the grace time
  std::map<std::uint32_t, std::uint64_t> offences_; ///< by pid
  std::deque<std::uint32_t> known_;                 ///< the same pids, the latest last
  std::vector<std::uint32_t> due_;                  ///< those that were not given yet
};

} // namespace forkmon
