// SPDX-License-Identifier: MIT
#include "util/number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace forkmon {
namespace {

TEST(ParseNumber, TakesTheWholeText) {
  EXPECT_EQ(parse_number<std::uint32_t>("42"), 42u);
  EXPECT_EQ(parse_number<std::uint64_t>("ff", 16), 255u);
  EXPECT_EQ(parse_number<int>("-1"), -1);
}

TEST(ParseNumber, IsNothingForWhatIsNoNumber) {
  for (const char* text : {"", " 1", "1 ", "+1", "0x1", "1a", "-"})
    EXPECT_FALSE(parse_number<std::uint32_t>(text)) << text;
  EXPECT_FALSE(parse_number<std::uint32_t>("-1"));
  EXPECT_FALSE(parse_number<std::uint32_t>("4294967296"));
}

} // namespace
} // namespace forkmon
