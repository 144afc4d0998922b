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

/// Pure and bounded. A parent is a suspect when a tainted child of it outlived the grace time or
/// ended without exec. One whose child carried probes already is armed, and so never a suspect.
class Suspects {
public:
  static constexpr std::uint64_t grace_ns = 20'000'000;

  void on(const Event& event);

  /// Pids of new suspects, in the order in which they became it; each is given once.
  std::vector<std::uint32_t> due(std::uint64_t now_ns);

  /// The process has ended: who has its pid next is someone else.
  void forget(std::uint32_t pid);

private:
  void take(const ForkEvent& event);
  void take(const EndEvent& event);
  void accuse(std::uint32_t pid);

  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t>
      young_; ///< (fork time, child) → parent, of children within the grace time
  std::deque<std::uint32_t> known_; ///< suspects, the latest last
  std::vector<std::uint32_t> due_;  ///< those that were not given yet
};

} // namespace forkmon
