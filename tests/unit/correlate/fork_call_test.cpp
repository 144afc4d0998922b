// SPDX-License-Identifier: MIT
#include "correlate/fork_call.h"

#include <gtest/gtest.h>

#include <vector>

namespace forkmon {
namespace {

ForkCall call(std::vector<std::string> functions) {
  return fork_call_of(functions);
}

TEST(ForkCallOf, IsForkWhereItsCallerOnTheStackIs) {
  EXPECT_EQ(call({"_Fork", "__libc_fork", "main"}), ForkCall::fork);
  EXPECT_EQ(call({"_Fork", "", "fork"}), ForkCall::fork);
  EXPECT_EQ(call({"__libc_fork", "main"}), ForkCall::fork);
}

TEST(ForkCallOf, IsBareForkWithoutThatCaller) {
  EXPECT_EQ(call({"_Fork", "main"}), ForkCall::bare_fork);
  EXPECT_EQ(call({"__GI__Fork"}), ForkCall::bare_fork);
}

TEST(ForkCallOf, IsCloneWhereTheCallIsMadeElsewhere) {
  EXPECT_EQ(call({"syscall", "main"}), ForkCall::clone);
  EXPECT_EQ(call({"my_clone", "fork"}), ForkCall::clone);
}

TEST(ForkCallOf, IsUnknownWithoutASymbol) {
  EXPECT_EQ(call({}), ForkCall::unknown);
  EXPECT_EQ(call({"", "fork"}), ForkCall::unknown);
}

TEST(RepairsLocks, IsTrueForForkAndInDoubt) {
  EXPECT_TRUE(repairs_locks(ForkCall::fork));
  EXPECT_TRUE(repairs_locks(ForkCall::unknown));
  EXPECT_FALSE(repairs_locks(ForkCall::bare_fork));
  EXPECT_FALSE(repairs_locks(ForkCall::clone));
}

} // namespace
} // namespace forkmon
