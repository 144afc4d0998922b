// SPDX-License-Identifier: MIT
// Why a child is not exact.
#include "correlate/correlator_fixture.h"

namespace forkmon::script {
namespace {

class Exactness : public CorrelatorTest {
protected:
  InexactCause cause(const std::vector<Event>& events) { return ending(events).inexact.cause; }
};

LateProbesEvent unread(std::uint64_t from_ns, std::uint32_t pid) {
  return {from_ns, ~0ULL, pid, {pid}, {InexactCause::library_unread, "/opt/libx.so: 32-bit"}};
}

EndEvent with_unresolved(EndEvent end, std::uint32_t hits) {
  end.unresolved_hits = hits;
  end.child.armed = false; // the kernel takes it back
  return end;
}

TEST_F(Exactness, HasNoCauseWhereTheCountsAreExact) {
  const ChildRef c = child(20, 5);
  const ChildFinding found = ending({forked(c), exited(c, 9)});
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.inexact.cause, InexactCause::none);
  EXPECT_EQ(found.counted_from_us, std::nullopt);
}

TEST_F(Exactness, SaysThatAChildCarriedNoProbes) {
  const ChildRef c = unarmed(child(20, 5));
  EXPECT_EQ(cause({forked(c), exited(c, 9)}), InexactCause::not_armed);
}

TEST_F(Exactness, SaysThatAChildWasThereBefore) {
  ChildRef c = unarmed(child(20, 5));
  c.adopted = true;
  EXPECT_EQ(cause({forked(c), ArmedLateEvent{6, c.key}, exited(c, 9)}), InexactCause::adopted);
}

TEST_F(Exactness, SaysWhyProbesWereTakenOffInItsLifetime) {
  std::uint32_t parent = 10;
  for (const auto why : {InexactCause::over_budget, InexactCause::family_execed,
                         InexactCause::made_room, InexactCause::disarmed}) {
    parent++;
    const ChildRef c = child(parent + 100, 5, parent);
    EXPECT_EQ(cause({forked(c), DisarmEvent{7, parent, why}, exited(c, 9)}), why);
  }
}

TEST_F(Exactness, SaysWhyProbesWereOffAtItsFork) {
  const ChildRef c = unarmed(child(20, 5));
  EXPECT_EQ(cause({DisarmEvent{3, 10, InexactCause::over_budget}, forked(c), exited(c, 9)}),
            InexactCause::over_budget);
}

TEST_F(Exactness, OfSeveralThingsTheFirstCounts) {
  const ChildRef c = child(20, 5);
  EXPECT_EQ(cause({forked(c), DisarmEvent{7, 10, InexactCause::over_budget},
                   DisarmEvent{8, 10, InexactCause::family_execed}, exited(c, 9)}),
            InexactCause::over_budget);
}

TEST_F(Exactness, SaysThatALibraryCouldNotBeRead) {
  const ChildRef c = unarmed(child(20, 5));
  const ChildFinding found = ending({unread(4, 10), forked(c), exited(c, 9)});
  EXPECT_EQ(found.inexact.cause, InexactCause::library_unread);
  EXPECT_EQ(found.inexact.detail, "/opt/libx.so: 32-bit");
}

TEST_F(Exactness, ALibraryThatCannotBeReadCountsForAllThatComeAfter) {
  const ChildRef before = child(20, 3), soon = child(21, 5), late = child(22, 5000),
                 stranger = child(23, 5, 11);
  run({forked(before), unread(4, 10), forked(soon), forked(late), forked(stranger)});
  EXPECT_TRUE(ending({exited(before, 9)}).exact);
  EXPECT_FALSE(ending({exited(soon, 9)}).exact);
  EXPECT_FALSE(ending({exited(late, 5001)}).exact);
  EXPECT_TRUE(ending({exited(stranger, 9)}).exact);
}

TEST_F(Exactness, UnreadLibrariesOfManyProcessesAreNobodyElses) {
  for (std::uint32_t pid = 1000; pid < 4000; ++pid)
    run({unread(4, pid)});
  const ChildRef c = child(20, 5);
  EXPECT_TRUE(ending({forked(c), exited(c, 9)}).exact);
}

TEST_F(Exactness, WhoHasThePidLaterIsSomeoneElse) {
  const ChildRef c = child(20, 50);
  EXPECT_TRUE(
      ending({unread(4, 10), DisarmEvent{40, 10, InexactCause::disarmed}, forked(c), exited(c, 90)})
          .exact);
}

TEST_F(Exactness, SaysHowManyHitsWereNotMatched) {
  const ChildRef c = child(20, 5);
  const ChildFinding found = ending({forked(c), with_unresolved(exited(c, 9), 12)});
  EXPECT_EQ(found.inexact.cause, InexactCause::unresolved_hits);
  EXPECT_EQ(found.unresolved_hits, 12U);
}

TEST_F(Exactness, SaysThatAThreadMayHaveTakenTheProbesAlong) {
  const ChildRef c = child(20, 5);
  EXPECT_EQ(cause({forked(c), exited(unarmed(c), 9)}), InexactCause::thread_ended);
}

TEST_F(Exactness, SaysThatCountsAreMissing) {
  const ChildRef c = child(20, 5);
  EXPECT_EQ(cause({forked(c), exited(c, 9, 3)}), InexactCause::calls_lost);
}

TEST_F(Exactness, SaysThatTheEndHasNotCome) {
  run({forked(child(20, 5))});
  const auto gone = only<ChildFinding>(correlator_.gone({20, 5}, 9));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone.front().inexact.cause, InexactCause::end_lost);
}

TEST_F(Exactness, RunsThatWereSkippedConcernAllThatLivedThen) {
  const Inexact why{InexactCause::kernel_skipped, ""};
  const ChildRef before = child(20, 5), during = child(21, 25), after = child(22, 45);
  const ChildRef ended_before = child(23, 5, 11);
  run({forked(before), forked(during), forked(ended_before), exited(ended_before, 9),
       DisarmEvent{20, 0, why.cause}, LateProbesEvent{20, 30, 0, {}, why}, forked(after)});
  EXPECT_EQ(cause({exited(before, 50)}), InexactCause::kernel_skipped);
  EXPECT_EQ(cause({exited(during, 50)}), InexactCause::kernel_skipped);
  EXPECT_EQ(cause({exited(after, 50)}), InexactCause::none);
}

TEST_F(Exactness, ForksThatAreHeardOfAfterASkippedRunAreDoubtedToo) {
  const Inexact why{InexactCause::kernel_skipped, ""};
  const ChildRef before = child(20, 5);
  EXPECT_EQ(cause({DisarmEvent{20, 0, why.cause}, LateProbesEvent{20, 30, 0, {}, why},
                   forked(before), exited(before, 50)}),
            InexactCause::kernel_skipped);
}

using ArmedLate = Exactness;

TEST_F(ArmedLate, SaysFromWhenItsCallsAreCounted) {
  const ChildRef c = unarmed(child(20, 5'000));
  const ChildFinding found = ending({forked(c), ArmedLateEvent{12'000, c.key},
                                     counted(c, 90'000, {{malloc_, 3}}), exited(c, 90'000, 3)});
  EXPECT_EQ(found.inexact.cause, InexactCause::armed_late);
  EXPECT_EQ(found.counted_from_us, 7U);
  EXPECT_FALSE(found.exact);
  EXPECT_THAT(found.calls, testing::ElementsAre(Called("malloc", 3U)));
}

TEST_F(ArmedLate, CountsNoMoreOnceProbesAreTakenOffAgain) {
  const ChildRef c = unarmed(child(20, 5));
  const ChildFinding found =
      ending({forked(c), ArmedLateEvent{12, c.key}, DisarmEvent{20, 10, InexactCause::over_budget},
              exited(c, 90)});
  EXPECT_EQ(found.counted_from_us, std::nullopt);
}

TEST_F(ArmedLate, FindsTheLivingOfAFamilyTheOldestFirst) {
  const ChildRef c = child(40, 5), g = grandchild(30, 6, 40), h = child(20, 7),
                 other = child(21, 5, 11);
  run({forked(h), forked(c), forked(g), forked(other), exited(c, 8)});
  const auto living = correlator_.living_of({10});
  ASSERT_EQ(living.size(), 2U);
  EXPECT_EQ(living[0].child.key.pid, 30U);
  EXPECT_EQ(living[1].child.key.pid, 20U);
  EXPECT_EQ(living[0].root, 10U);
  EXPECT_TRUE(correlator_.living_of({}).empty());
}

TEST_F(ArmedLate, ThoseThatTheLivingDescendFromAreNeeded) {
  const ChildRef c = child(40, 5), g = grandchild(30, 6, 40);
  run({forked(c), forked(g), exited(c, 8)});
  EXPECT_EQ(correlator_.needed(), (std::set<std::uint32_t>{10, 30, 40}));
}

} // namespace
} // namespace forkmon::script
