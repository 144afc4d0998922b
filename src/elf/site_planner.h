// SPDX-License-Identifier: MIT
/// Where in a function to put a uprobe, so that it costs least and counts every call once.
///
/// An instruction that the kernel emulates costs one trap; any other is single-stepped, which
/// costs ten times as much.
#pragma once

#include "elf/machine.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

struct SitePlan {
  std::uint64_t offset = 0; ///< in the function, of the instruction to probe
  bool is_emulated = false; ///< by every kernel since 6.1
  /// False: the kernel refuses a probe there. Leave the function out, for one refused site
  /// fails the event that it shares with others.
  bool can_probe = false;
  std::string instruction; ///< "push rbx"; empty where it could not be decoded
  std::string reason;      ///< why there
};

/// Plans for the function whose bytes are `code`, all of them, and which starts at `vaddr`.
/// Code that jumps into this function from elsewhere (a part that the compiler split off) is not
/// seen; compilers do not enter a function's first straight piece that way.
SitePlan plan_site(std::span<const std::byte> code, std::uint64_t vaddr,
                   Machine machine = native_machine());

/// The addresses that the function's direct calls go to, and its jumps out of itself (tail
/// calls, parts that the compiler split off); ascending, each once.
std::vector<std::uint64_t> direct_call_targets(std::span<const std::byte> code, std::uint64_t vaddr,
                                               Machine machine = native_machine());

} // namespace forkmon
