// SPDX-License-Identifier: MIT
// Children that cannot be exact because a library was probed too late.
#include "correlate/correlator_fixture.h"

namespace forkmon::script {
namespace {

using LateProbesTest = CorrelatorTest;

LateProbesEvent late(std::uint64_t from_ns, std::uint64_t to_ns, std::uint32_t pid,
                     std::vector<std::uint32_t> family) {
  return {from_ns, to_ns, pid, std::move(family)};
}

TEST_F(LateProbesTest, ChildForkedMeanwhileIsNotExact) {
  const auto c = child(20, 5);
  EXPECT_FALSE(ending({forked(c), late(4, 6, 10, {10}), exited(c, 9)}).exact);
}

TEST_F(LateProbesTest, ChildForkedBeforeOrAfterIsExact) {
  const auto before = child(20, 3);
  const auto after = child(21, 7);
  run({forked(before), late(4, 6, 10, {10}), forked(after)});
  EXPECT_TRUE(ending({exited(before, 9)}).exact);
  EXPECT_TRUE(ending({exited(after, 9)}).exact);
}

TEST_F(LateProbesTest, ChildOfAnotherFamilyIsExact) {
  const auto c = child(20, 5);
  EXPECT_TRUE(ending({forked(c), late(4, 6, 11, {11, 12}), exited(c, 9)}).exact);
}

TEST_F(LateProbesTest, NobodyIsExactWhereTheFamilyIsNotKnown) {
  const auto c = child(20, 5);
  EXPECT_FALSE(ending({forked(c), late(4, 6, 11, {}), exited(c, 9)}).exact);
}

TEST_F(LateProbesTest, ForkMayBeHeardOfLater) {
  const auto c = child(20, 5);
  EXPECT_FALSE(ending({late(4, 6, 10, {10}), forked(c), exited(c, 9)}).exact);
}

TEST_F(LateProbesTest, ChildThatMappedItItselfIsNotExact) {
  const auto c = child(20, 2);
  EXPECT_FALSE(ending({forked(c), late(4, 6, 20, {20}), exited(c, 9)}).exact);
}

TEST_F(LateProbesTest, WhatItsProcessMapsAfterItsExecDoesNotCount) {
  const auto c = child(20, 2);
  EXPECT_TRUE(ending({forked(c), late(4, 6, 20, {20}), execed(c, 3)}).exact);
}

TEST_F(LateProbesTest, WindowsBeyondTheBoundCountAgainstAll) {
  const auto c = child(20, 5);
  const auto after = child(21, 5000);
  run({late(4, 6, 10, {10})});
  for (std::uint64_t i = 0; i < 1000; i++)
    run({late(100 + i, 101 + i, 11, {11})});
  EXPECT_FALSE(ending({forked(c), exited(c, 9)}).exact);
  EXPECT_TRUE(ending({forked(after), exited(after, 5001)}).exact);
}

} // namespace
} // namespace forkmon::script
