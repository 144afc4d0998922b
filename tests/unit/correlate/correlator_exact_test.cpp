// SPDX-License-Identifier: MIT
#include "correlate/correlator_fixture.h"

namespace forkmon {
namespace {

using namespace script;

using CorrelatorExact = CorrelatorTest;

TEST_F(CorrelatorExact, IsNoChildWithoutProbesFromItsFirstInstructionOn) {
  const ChildRef c = unarmed(child(20, 5));
  EXPECT_FALSE(ending({forked(c), exited(c, 9)}).exact);
}

TEST_F(CorrelatorExact, IsNoChildWhoseParentWasDisarmedInItsLifetime) {
  const ChildRef c = child(20, 5), other = child(21, 5, 11);
  run({forked(c), forked(other), DisarmEvent{7, 10}});
  EXPECT_FALSE(ending({exited(c, 9)}).exact);
  EXPECT_TRUE(ending({exited(other, 9)}).exact);
}

TEST_F(CorrelatorExact, IsNoChildThatWasDisarmedItself) {
  const ChildRef c = child(20, 5);
  EXPECT_FALSE(ending({forked(c), DisarmEvent{7, 20}, exited(c, 9)}).exact);
}

TEST_F(CorrelatorExact, IsAChildWhoseParentWasDisarmedBeforeOrAfter) {
  const ChildRef c = child(20, 5);
  EXPECT_TRUE(ending({DisarmEvent{4, 10}, forked(c), DisarmEvent{10, 10}, exited(c, 9)}).exact);
}

TEST_F(CorrelatorExact, IsNoChildWhoseForkIsHeardOfAfterTheDisarming) {
  const ChildRef c = child(20, 5);
  EXPECT_FALSE(ending({DisarmEvent{7, 10}, forked(c), exited(c, 9)}).exact);
}

TEST_F(CorrelatorExact, IsNoGrandchildWhoseGrandparentWasDisarmed) {
  const ChildRef c = child(20, 5), g = grandchild(30, 6, 20), gg = grandchild(40, 7, 30);
  run({forked(c), forked(g), exited(c, 7), forked(gg), DisarmEvent{8, 10}});
  EXPECT_FALSE(ending({exited(g, 9)}).exact);
  EXPECT_FALSE(ending({exited(gg, 9)}).exact);
}

TEST_F(CorrelatorExact, IsNoGrandchildOfUnknownDescentOnceAnyoneWasDisarmed) {
  const ChildRef lost_parent = grandchild(30, 6, 20);
  EXPECT_TRUE(ending({forked(lost_parent), exited(lost_parent, 7)}).exact);
  const ChildRef another = grandchild(31, 8, 20);
  EXPECT_FALSE(ending({forked(another), DisarmEvent{9, 99}, exited(another, 10)}).exact);
}

TEST_F(CorrelatorExact, IsAGrandchildWhoseParentEndedFirstWhenStrangersAreDisarmed) {
  const ChildRef c = child(20, 5), g = grandchild(30, 6, 20);
  EXPECT_TRUE(ending({forked(c), exited(c, 7), forked(g), DisarmEvent{8, 99}, exited(g, 9)}).exact);
}

TEST_F(CorrelatorExact, RemembersAsManyGenerationsAsItMustAndDoubtsTheRest) {
  run({forked(child(100, 1))});
  for (std::uint32_t i = 1; i < 40; ++i)
    run({forked(grandchild(100 + i, 1 + i, 99 + i))});
  run({DisarmEvent{50, 10}});
  EXPECT_FALSE(ending({exited(grandchild(139, 40, 138), 60)}).exact);
}

TEST_F(CorrelatorExact, SurvivesMoreDisarmingsThanItRemembers) {
  run({DisarmEvent{7, 10}});
  for (std::uint32_t pid = 1000; pid < 5000; ++pid)
    run({DisarmEvent{8, pid}});
  const ChildRef during = child(20, 5), later = child(21, 9);
  EXPECT_FALSE(ending({forked(during), exited(during, 10)}).exact);
  EXPECT_TRUE(ending({forked(later), exited(later, 10)}).exact);
}

} // namespace
} // namespace forkmon
