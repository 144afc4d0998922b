// SPDX-License-Identifier: MIT
/// Does a busy thread wait for something, or does it work? Pure.
#pragma once

#include "stuck/ip_sampler.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace forkmon {

/// What can be looked up of the sampled process.
struct SpinLookup {
  /// The bytes of code at an address, none where they cannot be read.
  std::function<std::vector<std::uint8_t>(std::uint64_t address, std::size_t size)> code;
  /// The function that an address lies in; empty where it has no name.
  std::function<std::string(std::uint64_t address)> function;
};

/// That many samples are asked for before a window is judged.
constexpr std::size_t enough_samples = 50;

/// A loop of a few instructions that does not get anywhere: each time round, all registers are the
/// same; or it tells the processor (PAUSE, YIELD) or the kernel (sched_yield) that it only waits.
/// Honest loops, such as a checksum or a copy, count or move something in a register.
bool is_spin(std::span<const IpSample> samples, const SpinLookup& lookup);

} // namespace forkmon
