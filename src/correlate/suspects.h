// SPDX-License-Identifier: MIT
/// Who deserves probes when not all have them: those that fork and do not exec at once.
#pragma once

#include "forkmon/event.h"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace forkmon {

/// A thread that forks.
struct Suspect {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;         ///< 0: not known
  std::uint64_t start_ticks = 0; ///< of the process, because pids are given out again
  auto operator<=>(const Suspect&) const = default;
};

/// Pure and bounded. A thread commits an offence when a tainted child that it forked outlives the
/// grace time or ends without exec; of children that carried probes, only those that made an unsafe
/// call count.
class Suspects {
public:
  static constexpr std::uint64_t grace_ns = 20'000'000;

  void on(const Event& event);

  /// In the order in which they became it: each is given at its first offence that no probes saw,
  /// and again whenever these have doubled, for it may not have been armed.
  std::vector<Suspect> due(std::uint64_t now_ns);

  /// Of the process's threads so far; 0 for one that is not known.
  std::uint64_t offences(std::uint32_t pid) const;

  /// The process has ended, or is another program now.
  void forget(std::uint32_t pid);

private:
  void take(const ForkEvent& event);
  void take(const EndEvent& event);
  void accuse(const Suspect& suspect, bool was_armed);

  using Child = std::pair<std::uint64_t, std::uint32_t>; ///< fork time, pid
  std::map<Child, Suspect> parents_;          ///< of living children that carry no probes
  std::set<Child> young_;                     ///< of these, those within the grace time
  std::map<Suspect, std::uint64_t> offences_; ///< so far
  std::deque<Suspect> known_;                 ///< the same suspects, the latest last
  std::vector<Suspect> due_;                  ///< those that were not given yet
};

} // namespace forkmon
