// SPDX-License-Identifier: MIT
/// The registers that unwinding needs, numbered as DWARF numbers them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace forkmon {

/// What unwinding must know about a processor. Sources: the System V psABI for x86-64, table 3.36;
/// "DWARF for the Arm 64-bit Architecture", table 3.
struct Architecture {
  std::size_t stack_pointer;
  std::size_t frame_pointer;
  std::size_t program_counter; ///< where a Registers keeps it
  std::size_t return_address;  ///< the column of the CFI that yields the caller's
  std::uint64_t callee_saved;  ///< bits of the registers that a function gives back unchanged
  std::uint64_t signature;     ///< bits of a return address that are no part of the address
  bool call_pushes_return_address;

  constexpr std::uint64_t without_signature(std::uint64_t return_address) const {
    return return_address & ~signature;
  }
};

inline constexpr Architecture kX86_64{
    .stack_pointer = 7,
    .frame_pointer = 6,
    .program_counter = 16,
    .return_address = 16,
    .callee_saved = 1U << 3 | 1U << 6 | 0xfU << 12, // rbx, rbp, r12-r15
    .signature = 0,
    .call_pushes_return_address = true,
};

/// Pointer authentication keeps its signature in the bits above the address, except bit 55 and the
/// tag (Linux, Documentation/arch/arm64/pointer-authentication.rst). Addresses of user space have
/// 48 bits, unless a program asks mmap(2) for a higher one.
inline constexpr Architecture kAarch64{
    .stack_pointer = 31,
    .frame_pointer = 29,
    .program_counter = 32,
    .return_address = 30,
    .callee_saved = 0xfffU << 19, // x19-x30; the CFI restores x30 where it was saved
    .signature = 0x7fULL << 48,
    .call_pushes_return_address = false,
};

#if defined(__aarch64__)
inline constexpr const Architecture& kArchitecture = kAarch64;
#else
inline constexpr const Architecture& kArchitecture = kX86_64;
#endif

/// Registers, some of which may not be known.
class Registers {
public:
  static constexpr std::size_t kCount = 33;

  /// The value of a register; none where it is not known, or the number is not a register.
  std::optional<std::uint64_t> get(std::uint64_t number) const {
    if (number >= kCount || (known_ & bit(number)) == 0)
      return {};
    return values_[number];
  }

  void set(std::uint64_t number, std::uint64_t value) {
    if (number >= kCount)
      return;
    values_[number] = value;
    known_ |= bit(number);
  }

  std::optional<std::uint64_t> pc() const { return get(kArchitecture.program_counter); }
  std::optional<std::uint64_t> sp() const { return get(kArchitecture.stack_pointer); }
  std::optional<std::uint64_t> fp() const { return get(kArchitecture.frame_pointer); }
  void set_pc(std::uint64_t value) { set(kArchitecture.program_counter, value); }
  void set_sp(std::uint64_t value) { set(kArchitecture.stack_pointer, value); }
  void set_fp(std::uint64_t value) { set(kArchitecture.frame_pointer, value); }

private:
  static constexpr std::uint64_t bit(std::uint64_t number) { return std::uint64_t{1} << number; }

  std::array<std::uint64_t, kCount> values_{};
  std::uint64_t known_ = 0;
};

} // namespace forkmon
