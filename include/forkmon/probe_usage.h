// SPDX-License-Identifier: MIT
/// What armed families use of their probes.
#pragma once

#include "forkmon/wire.h"

#include <array>
#include <cstddef>
#include <cstdint>

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

/// Counted by the kernel for a family, the children that inherited its probes included.
struct ProbeUsage {
  std::array<std::uint64_t, probe_tiers> hits{}; ///< by Tier
  std::uint64_t forks = 0;                       ///< each of which copied the probes
};

/// How much is armed, now.
struct ArmedCounts {
  std::size_t families = 0;
  std::size_t threads = 0;         ///< those that were armed one by one, not those that inherited
  std::size_t descriptors = 0;     ///< perf events that are open for them
  std::size_t max_descriptors = 0; ///< past which nothing more is armed
};

} // namespace forkmon
