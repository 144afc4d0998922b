// SPDX-License-Identifier: MIT
#include "symbols/code_bytes.h"

#include "symbols/registers.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace forkmon {
namespace {

constexpr std::uint64_t return_address = 0x10010;

std::optional<Call> before_x86(const std::vector<std::uint8_t>& bytes) {
  return call_before_x86(bytes, return_address);
}

std::optional<Call> before_arm64(std::uint32_t word) {
  std::array<std::uint8_t, kMaxCallBytes> bytes{};
  std::memcpy(&bytes[bytes.size() - sizeof word], &word, sizeof word);
  return call_before_arm64(bytes, return_address);
}

TEST(CodeBytes, FindsTheTargetOfADirectCall) {
  EXPECT_EQ(before_x86({0xe8, 0x10, 0, 0, 0})->target, 0x10020U);
  EXPECT_EQ(before_arm64(0x94000004)->target, 0x1001cU); // bl +0x10
  EXPECT_EQ(before_arm64(0x97ffffff)->target, 0x10008U); // bl -4
}

TEST(CodeBytes, KnowsACallThroughARegister) {
  ASSERT_TRUE(before_x86({0xff, 0xd0})); // call rax
  EXPECT_FALSE(before_x86({0xff, 0xd0})->target);
  for (std::uint32_t word : {0xd63f0100U, 0xd63f081fU, 0xd73f0901U}) { // blr x8, blraaz, blraa
    ASSERT_TRUE(before_arm64(word)) << std::hex << word;
    EXPECT_FALSE(before_arm64(word)->target);
  }
}

TEST(CodeBytes, TakesNothingElseForACall) {
  EXPECT_FALSE(before_x86({0x90, 0x90, 0x90, 0x90, 0x90}));
  EXPECT_FALSE(before_x86({}));
  for (std::uint32_t word : {0x14000004U, 0xd61f0100U, 0xd65f03c0U, 0U}) // b, br, ret
    EXPECT_FALSE(before_arm64(word)) << std::hex << word;
  EXPECT_FALSE(call_before_arm64({}, return_address));
}

// Documentation/arch/arm64/pointer-authentication.rst: bits 54 to 48 with addresses of 48 bits.
TEST(Registers, AReturnAddressIsFreedOfItsSignature) {
  EXPECT_EQ(kAarch64.without_signature(0x002a'ffff'8123'4560), 0x0000'ffff'8123'4560U);
  EXPECT_EQ(kAarch64.without_signature(0x0000'ffff'8123'4560), 0x0000'ffff'8123'4560U);
  EXPECT_EQ(kX86_64.without_signature(0x002a'7fff'8123'4560), 0x002a'7fff'8123'4560U);
}

} // namespace
} // namespace forkmon
