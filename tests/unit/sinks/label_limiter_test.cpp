// SPDX-License-Identifier: MIT
#include "sinks/label_limiter.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

TEST(LabelLimiter, FoldsValuesPastTheCap) {
  LabelLimiter limiter(2);
  EXPECT_EQ(limiter.value("a"), "a");
  EXPECT_EQ(limiter.value("b"), "b");
  EXPECT_EQ(limiter.overflows(), 0u);
  EXPECT_EQ(limiter.value("c"), "other");
  EXPECT_EQ(limiter.value("c"), "other");
  EXPECT_EQ(limiter.value("a"), "a");
  EXPECT_EQ(limiter.overflows(), 2u);
}

TEST(LabelLimiter, CleansAndCutsValues) {
  LabelLimiter limiter(2);
  EXPECT_EQ(limiter.value("a\xff\x1b"), "a\\xff\\x1b");
  EXPECT_EQ(limiter.value(std::string(1000, 'x')), std::string(255, 'x') + "…");
}

TEST(LabelLimiter, CountsValuesThatAreCutToTheSameAsOne) {
  LabelLimiter limiter(1);
  limiter.value(std::string(256, 'x') + "1");
  EXPECT_EQ(limiter.value(std::string(256, 'x') + "2"), std::string(255, 'x') + "…");
}

} // namespace
} // namespace forkmon
