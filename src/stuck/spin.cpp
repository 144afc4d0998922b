// SPDX-License-Identifier: MIT
#include "stuck/spin.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace forkmon {
namespace {

/// A loop that waits for another thread is a handful of instructions; most work is not.
constexpr std::size_t max_places = 24;

using Places = std::map<std::uint64_t, const IpSample*>; ///< by address, the first sample of each

/// False where a register has another value than the last time at the same place.
bool registers_repeat(std::span<const IpSample> samples, const Places& places) {
  std::size_t repeated = 0;
  for (const IpSample& sample : samples) {
    const IpSample& first = *places.at(sample.ip);
    if (sample.registers.empty() || sample.registers != first.registers)
      return false;
    repeated += &sample != &first ? 1 : 0;
  }
  return 2 * repeated >= samples.size(); // else too little was compared
}

#if defined(__x86_64__)
constexpr std::array<std::uint8_t, 2> pause_code{0xf3, 0x90};
#else
constexpr std::array<std::uint8_t, 4> pause_code{0x3f, 0x20, 0x03, 0xd5}; // YIELD
#endif

/// PAUSE takes most of the time of its loop, so that samples lie near it.
bool pauses_near(std::uint64_t ip, const SpinLookup& lookup) {
  constexpr std::uint64_t before = 16, size = 32;
  const auto code = lookup.code(ip - std::min(ip, before), size);
  return std::search(code.begin(), code.end(), pause_code.begin(), pause_code.end()) != code.end();
}

bool yields_at(std::uint64_t ip, const SpinLookup& lookup) {
  return lookup.function(ip).find("sched_yield") != std::string::npos;
}

} // namespace

bool is_spin(std::span<const IpSample> samples, const SpinLookup& lookup) {
  if (samples.size() < enough_samples)
    return false;
  Places places;
  for (const IpSample& sample : samples)
    places.emplace(sample.ip, &sample);
  if (places.size() > max_places)
    return false;
  return registers_repeat(samples, places) || std::ranges::any_of(places, [&](const auto& place) {
           return pauses_near(place.first, lookup) || yields_at(place.first, lookup);
         });
}

} // namespace forkmon
