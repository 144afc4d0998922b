// SPDX-License-Identifier: MIT
/// What armed families use of their probes.
#pragma once

#include "forkmon/wire.h"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace forkmon {

/// How often programs call a function: each tier of probes can be taken off alone.
enum class Tier {
  hot = FM_TIER_HOT,   ///< allocators, mutexes
  cold = FM_TIER_COLD, ///< the rest
};
constexpr std::size_t probe_tiers = FM_TIER_COUNT;
inline constexpr std::array tiers{Tier::hot, Tier::cold};
/// Its place in an array of all tiers.
constexpr std::size_t index(Tier tier) {
  return static_cast<std::size_t>(tier);
}
constexpr const char* to_string(Tier tier) {
  return tier == Tier::hot ? "hot" : "cold";
}

/// Of a family, the children that inherited its probes included.
struct ProbeUsage {
  /// Of the probes of a tier.
  struct OfTier {
    std::uint64_t hits = 0;
    std::uint64_t sites = 0;   ///< in the files that the family maps
    std::uint64_t exec_ns = 0; ///< what an exec takes to get them out of one process; estimated
  };
  std::uint64_t armed_ns = 0;              ///< since when; CLOCK_MONOTONIC
  std::array<OfTier, probe_tiers> tiers{}; ///< by Tier
  std::uint64_t forks = 0;                 ///< each of which copied the probes
  std::uint64_t execs = 0;                 ///< each of which took them out again
  std::uint64_t carriers = 0;              ///< threads that carry them now
};

/// Of all armed families.
struct ProbesInUse {
  std::map<pid_t, ProbeUsage> families; ///< by first process, since it was armed
  std::uint64_t execs = 0;              ///< of the whole system: each looks at all sites of a file
};

/// How much is armed, now.
struct ArmedCounts {
  std::size_t families = 0;
  std::size_t threads = 0;         ///< those that were armed one by one, not those that inherited
  std::size_t descriptors = 0;     ///< perf events that are open for them
  std::size_t max_descriptors = 0; ///< past which nothing more is armed
  std::size_t workers = 0;         ///< children that were armed while they lived
};

} // namespace forkmon
