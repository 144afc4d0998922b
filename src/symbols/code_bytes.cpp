// SPDX-License-Identifier: MIT
#include "symbols/code_bytes.h"

#include <cstring>

namespace forkmon {
namespace {

/// Size of "call r/m64" (FF /2) by its ModRM byte, with what follows of SIB and displacement;
/// 0 where it is not that instruction. Intel SDM volume 2, table 2-2.
std::size_t indirect_call_size(std::uint8_t modrm, std::uint8_t sib) {
  if ((modrm >> 3 & 7) != 2)
    return 0;
  const int mode = modrm >> 6;
  const int rm = modrm & 7;
  if (mode == 3)
    return 2;
  std::size_t size = rm == 4 ? 3 : 2;
  const bool has_base32 = mode == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5));
  if (mode == 2 || has_base32)
    size += 4;
  else if (mode == 1)
    size += 1;
  return size;
}

// Arm Architecture Reference Manual, C4.1: branches with link, to an offset and to a register,
// whose address may be authenticated first.
constexpr std::uint32_t bl_mask = 0xfc000000, bl = 0x94000000;
constexpr std::uint32_t blr_mask = 0xfefff000, blr = 0xd63f0000;

} // namespace

std::optional<Call> call_before_x86(std::span<const std::uint8_t> bytes,
                                    std::uint64_t return_address) {
  const std::size_t size = bytes.size();
  if (size >= 5 && bytes[size - 5] == 0xe8) {
    std::int32_t distance = 0;
    std::memcpy(&distance, &bytes[size - 4], sizeof distance);
    return Call{return_address + static_cast<std::uint64_t>(std::int64_t{distance})};
  }
  for (std::size_t length = 2; length <= 7 && length <= size; ++length) {
    const auto call = bytes.subspan(size - length);
    const std::uint8_t sib = length > 2 ? call[2] : 0;
    if (call[0] == 0xff && indirect_call_size(call[1], sib) == length)
      return Call{};
  }
  return {};
}

std::optional<Call> call_before_arm64(std::span<const std::uint8_t> bytes,
                                      std::uint64_t return_address) {
  std::uint32_t word = 0;
  if (bytes.size() < sizeof word)
    return {};
  std::memcpy(&word, &bytes[bytes.size() - sizeof word], sizeof word);
  if ((word & blr_mask) == blr)
    return Call{};
  if ((word & bl_mask) != bl)
    return {};
  const auto distance = static_cast<std::int32_t>(word << 6) >> 4; // 26 bits, counted in words
  return Call{return_address - sizeof word + static_cast<std::uint64_t>(std::int64_t{distance})};
}

std::optional<Call> call_before(std::span<const std::uint8_t> bytes, std::uint64_t return_address) {
#if defined(__aarch64__)
  return call_before_arm64(bytes, return_address);
#else
  return call_before_x86(bytes, return_address);
#endif
}

} // namespace forkmon
