// SPDX-License-Identifier: MIT
/// What matters about an instruction to one who puts a uprobe on it.
#pragma once

#include "elf/machine.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace forkmon {

/// Where control goes after an instruction.
enum class Flow {
  next,          ///< to the one that follows
  jump,          ///< to the target, always
  branch,        ///< to the target or the next one
  call,          ///< away and back, mostly; a system call, too: fork comes back twice
  indirect_jump, ///< anywhere
  end,           ///< out of the function, or nowhere
};

/// How the kernel's uprobes treat an instruction.
enum class ProbeCost {
  emulated,   ///< one trap
  stepped,    ///< two traps: it runs out of line, under single-step
  impossible, ///< the kernel refuses it, or some kernels emulate it wrongly
};

struct Instruction {
  Flow flow = Flow::next;
  ProbeCost cost = ProbeCost::stepped;
  bool is_push = false;                ///< moves the stack, so no loop of a compiler leads over it
  std::optional<std::uint64_t> target; ///< of a direct jump, branch or call
};

/// Classifies one whole instruction, as a disassembler cut it out, that stands at `address`.
Instruction classify_x86(std::span<const std::byte> bytes, std::uint64_t address);
Instruction classify_arm64(std::span<const std::byte> bytes, std::uint64_t address);

inline Instruction classify(Machine machine, std::span<const std::byte> bytes,
                            std::uint64_t address) {
  return machine == Machine::x86_64 ? classify_x86(bytes, address) : classify_arm64(bytes, address);
}

} // namespace forkmon
