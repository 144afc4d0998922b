// SPDX-License-Identifier: MIT
/// Recognising calls in machine code, to tell return addresses from other numbers on a stack.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace forkmon {

/// The longest encoding of a call that is looked for.
inline constexpr std::size_t kMaxCallBytes = 8;

/// What a call that ends at a return address says of its target.
struct Call {
  std::optional<std::uint64_t> target; ///< none where it goes through a register or memory
};

/// Whether the bytes end with a call instruction; `return_address` is the address after them.
/// False positives are possible: x86 code cannot be read backwards.
std::optional<Call> call_before_x86(std::span<const std::uint8_t> bytes,
                                    std::uint64_t return_address);
std::optional<Call> call_before_arm64(std::span<const std::uint8_t> bytes,
                                      std::uint64_t return_address);

/// For the machine that this runs on.
std::optional<Call> call_before(std::span<const std::uint8_t> bytes, std::uint64_t return_address);

} // namespace forkmon
