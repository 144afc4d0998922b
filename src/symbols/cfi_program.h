// SPDX-License-Identifier: MIT
/// Running the call frame instructions of one function up to an address (DWARF 5, 6.4.2).
///
/// libdw has an interpreter too, but it lets a file choose how much memory it takes (register
/// numbers, remembered states) and needs all of .eh_frame in memory; ours is bounded.
#pragma once

#include "symbols/registers.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace forkmon {

/// How to find the caller's value of one register.
struct RegisterRule {
  enum class Kind {
    unspecified = 0,
    undefined,
    same_value,
    at_offset,      ///< at CFA + value
    is_offset,      ///< CFA + value itself
    other_register, ///< the register whose number is value
    at_expression,
    is_expression,
  };
  Kind kind = Kind::unspecified;
  std::int64_t value = 0;
  std::vector<std::uint8_t> expression;
};

/// How to find the canonical frame address: a register and an offset, or an expression.
struct CfaRule {
  std::uint64_t reg = Registers::kCount; ///< no register
  std::int64_t offset = 0;
  std::vector<std::uint8_t> expression;
};

/// The state of all rules at one address.
struct FrameRules {
  CfaRule cfa;
  std::array<RegisterRule, Registers::kCount> registers;
  bool is_signal_frame = false; ///< the caller's pc is an interrupted instruction, not after a call
  std::uint64_t function_start = 0; ///< ELF address
};

/// What a common information entry (CIE) gives to the functions that share it.
struct CommonEntry {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = 1;
  std::uint8_t pointer_encoding = 0; ///< DW_EH_PE_*
  bool has_augmentation_data = false;
  bool is_signal_frame = false;
  std::span<const std::uint8_t> instructions;
};

/// The rules at `target`, for a function that starts at `start`. None: malformed instructions.
std::optional<FrameRules> run_frame_program(const CommonEntry& common,
                                            std::span<const std::uint8_t> instructions,
                                            std::uint64_t start, std::uint64_t target);

} // namespace forkmon
