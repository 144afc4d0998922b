// SPDX-License-Identifier: MIT
#include "correlate/correlator_fixture.h"

namespace forkmon {
namespace {

using namespace script;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using CorrelatorLosses = CorrelatorTest;
using CorrelatorOrder = CorrelatorTest;
using CorrelatorLimit = CorrelatorTest;

TEST_F(CorrelatorLosses, AreFindings) {
  const auto findings = run({LossEvent{7, "probes", 12}});
  ASSERT_THAT(findings, SizeIs(1));
  const auto& lost = std::get<LostFinding>(findings[0]);
  EXPECT_EQ(lost.time_ns, 7u);
  EXPECT_EQ(lost.severity, Severity::warning);
  EXPECT_EQ(lost.sensor, "probes");
  EXPECT_EQ(lost.count, 12u);
}

TEST_F(CorrelatorLosses, OfAForkLeaveTheRestOfTheChildsStory) {
  const ChildRef c = child(20, 5 * ms);
  const auto findings = run_all(
      {called(c, malloc_, 6 * ms), counted(c, 9 * ms, {{malloc_, 4}}), exited(c, 9 * ms, 4)});
  const auto calls = only<UnsafeCallFinding>(findings);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].subject.parent.pid, 10u);
  EXPECT_EQ(calls[0].subject.parent.threads, 4u);
  EXPECT_EQ(calls[0].subject.parent.exe, "");
  EXPECT_EQ(calls[0].subject.child.comm, "worker");
  const auto children = only<ChildFinding>(findings);
  ASSERT_THAT(children, SizeIs(1));
  EXPECT_TRUE(children[0].exact);
  EXPECT_THAT(only<TaintedForkFinding>(findings), IsEmpty());
}

TEST_F(CorrelatorLosses, OfAllButTheEndLeaveTheEnd) {
  const ChildFinding finding = ending({exited(child(20, 5 * ms), 9 * ms, 3)});
  EXPECT_EQ(finding.lifetime_us, 4000u);
  EXPECT_EQ(finding.subject.child.comm, "worker");
  EXPECT_THAT(finding.calls, IsEmpty());
  EXPECT_FALSE(finding.exact);
  EXPECT_EQ(correlator_.live_children(), 0u);
}

TEST_F(CorrelatorLosses, OfTheCountsLeaveTheFirstCalls) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding =
      ending({forked(c), called(c, malloc_, 6), called(c, exit_, 7), exited(c, 9, 1001)});
  EXPECT_THAT(finding.calls, ElementsAre(Called("exit", 1u), Called("malloc", 1u)));
  EXPECT_FALSE(finding.exact);
  EXPECT_EQ(finding.severity, Severity::high);
}

TEST_F(CorrelatorLosses, OfAFirstCallAreMadeGoodAtTheEnd) {
  const ChildRef c = child(20, 5 * ms);
  const auto findings =
      run({forked(c), called(c, malloc_, 6 * ms), counted(c, 9 * ms, {{malloc_, 4}, {setenv_, 1}}),
           exited(c, 9 * ms, 5)});
  const auto calls = only<UnsafeCallFinding>(findings);
  ASSERT_THAT(calls, SizeIs(1)) << "malloc had its finding";
  EXPECT_EQ(calls[0].function, "setenv");
  EXPECT_EQ(calls[0].time_ns, 9 * ms);
  EXPECT_EQ(calls[0].since_fork_us, 4000u);
  EXPECT_TRUE(only<ChildFinding>(findings)[0].exact) << "the counts are whole";
}

TEST_F(CorrelatorLosses, MakeCountsThatDoNotAddUpInexact) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding =
      ending({forked(c), called(c, malloc_, 6), counted(c, 9, {{malloc_, 4}}), exited(c, 9, 5)});
  EXPECT_THAT(finding.calls, ElementsAre(Called("malloc", 4u)));
  EXPECT_FALSE(finding.exact);
}

TEST_F(CorrelatorLosses, MakeCountsInexactThatLackAnAnnouncedCall) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding =
      ending({forked(c), called(c, exit_, 6), counted(c, 9, {{malloc_, 4}}), exited(c, 9, 4)});
  EXPECT_THAT(finding.calls, ElementsAre(Called("exit", 1u), Called("malloc", 4u)));
  EXPECT_FALSE(finding.exact);
}

TEST_F(CorrelatorLosses, OfTheEndAreMadeGoodByTheAgent) {
  const ChildRef c = child(20, 5 * ms);
  run({forked(c), called(c, malloc_, 6 * ms)});
  const auto children = only<ChildFinding>(correlator_.gone(c.key, 9 * ms));
  ASSERT_THAT(children, SizeIs(1));
  EXPECT_EQ(children[0].outcome, Outcome::exit);
  EXPECT_EQ(children[0].lifetime_us, 4000u);
  EXPECT_THAT(children[0].calls, ElementsAre(Called("malloc", 1u)));
  EXPECT_FALSE(children[0].exact);
  EXPECT_EQ(correlator_.live_children(), 0u);
  EXPECT_THAT(correlator_.gone(c.key, 10 * ms), IsEmpty());
  EXPECT_THAT(run({exited(c, 9 * ms, 1)}), IsEmpty()) << "it was not lost after all: only late";
}

TEST_F(CorrelatorLosses, OfAnExecAreMadeGoodByTheAgent) {
  const ChildRef c = child(20, 5 * ms);
  run({forked(c)});
  const auto children = only<ChildFinding>(correlator_.gone(c.key, 9 * ms, Outcome::exec));
  ASSERT_THAT(children, SizeIs(1));
  EXPECT_EQ(children[0].outcome, Outcome::exec);
  EXPECT_FALSE(children[0].exact);
}

TEST_F(CorrelatorOrder, AForkThatComesAfterTheEndLeavesNobodyAlive) {
  const ChildRef c = child(20, 5);
  run({exited(c, 9, 0)});
  const auto forks = only<TaintedForkFinding>(run({forked(c)}));
  ASSERT_THAT(forks, SizeIs(1));
  EXPECT_FALSE(forks[0].lives);
  EXPECT_EQ(correlator_.live_children(), 0u);
}

TEST_F(CorrelatorOrder, ReusedPidsAreOtherChildren) {
  const ChildRef first = child(20, 5), second = child(20, 50);
  run({forked(first), called(first, malloc_, 6), exited(first, 9, 1)});
  EXPECT_THAT(only<UnsafeCallFinding>(run({forked(second), called(second, malloc_, 51)})),
              SizeIs(1));
  EXPECT_EQ(ending({counted(second, 59, {{malloc_, 1}}), exited(second, 59, 1)}).lifetime_us, 0u);
}

TEST_F(CorrelatorOrder, AReusedPidEndsItsFormerOwner) {
  const ChildRef first = child(20, 5 * ms), second = child(20, 50 * ms), other = child(21, 5 * ms);
  const auto findings = run({forked(other), forked(first), forked(second)});
  const auto children = only<ChildFinding>(findings);
  ASSERT_THAT(children, SizeIs(1));
  EXPECT_EQ(children[0].lifetime_us, 45'000u);
  EXPECT_FALSE(children[0].exact);
  EXPECT_THAT(only<TaintedForkFinding>(findings), SizeIs(1));
  EXPECT_EQ(correlator_.live_children(), 2u);
}

TEST_F(CorrelatorOrder, AForkAfterItsCallFillsInTheSubject) {
  const ChildRef c = child(20, 5);
  const auto forks = only<TaintedForkFinding>(run({called(c, malloc_, 6), forked(c)}));
  ASSERT_THAT(forks, SizeIs(1));
  expect_subject(forks[0].subject);
  EXPECT_THAT(run({called(c, malloc_, 7)}), IsEmpty());
  expect_subject(ending({exited(c, 9, 1)}).subject);
}

TEST_F(CorrelatorOrder, WhatComesAfterTheEndBringsNobodyBack) {
  const ChildRef c = child(20, 5);
  run({called(c, malloc_, 6), counted(c, 9, {{malloc_, 1}}), exited(c, 9, 1)});
  EXPECT_THAT(run({called(c, malloc_, 8)}), IsEmpty());
  EXPECT_THAT(only<UnsafeCallFinding>(run({called(c, exit_, 8)})), SizeIs(1));
  EXPECT_THAT(only<TaintedForkFinding>(run({forked(c)})), SizeIs(1));
  EXPECT_THAT(run({forked(c)}), IsEmpty());
  EXPECT_THAT(run({exited(c, 9, 1)}), IsEmpty());
  EXPECT_EQ(correlator_.live_children(), 0u);
}

TEST_F(CorrelatorOrder, OnlyTheLastFewEndsAreRemembered) {
  const ChildRef c = child(20, 5);
  run({exited(c, 9)});
  for (std::uint32_t pid = 1000; pid < 1255; ++pid)
    run({exited(child(pid, 5), 9)});
  EXPECT_THAT(run({exited(c, 9)}), IsEmpty());
  run({exited(child(1255, 5), 9)});
  EXPECT_THAT(run({exited(c, 9)}), SizeIs(1)) << "memory is bounded: it is as new";
}

TEST_F(CorrelatorOrder, GrandchildrenOutliveTheirParents) {
  const ChildRef c = child(20, 5), g = grandchild(30, 6, 20);
  run({forked(c), forked(g), exited(c, 7)});
  const auto calls = only<UnsafeCallFinding>(run({called(g, malloc_, 8)}));
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].subject.parent.pid, 20u);
  EXPECT_TRUE(ending({counted(g, 9, {{malloc_, 1}}), exited(g, 9, 1)}).exact);
}

TEST_F(CorrelatorOrder, ChildrenAreListedByAge) {
  run({forked(child(20, 5)), forked(child(21, 8)), forked(child(22, 100))});
  const auto old = correlator_.children_older_than(10, 3);
  ASSERT_THAT(old, SizeIs(1));
  EXPECT_EQ(old[0].key, (ChildKey{20, 5}));
  EXPECT_THAT(correlator_.children_older_than(11, 3), SizeIs(2)) << "the age itself counts";
  EXPECT_THAT(correlator_.children_older_than(11, 0), SizeIs(2)) << "not yet forked at that time";
}

TEST_F(CorrelatorLimit, PastTheLimitStillYieldsFindings) {
  Correlator small(functions_, 1);
  const ChildRef kept = child(20, 5), extra = child(21, 6);
  small.on(forked(kept));
  const auto forks = only<TaintedForkFinding>(small.on(forked(extra)));
  ASSERT_THAT(forks, SizeIs(1));
  EXPECT_FALSE(forks[0].lives) << "nobody will say that it is over";
  EXPECT_EQ(small.untracked(), 1u);
  EXPECT_EQ(small.live_children(), 1u);
  EXPECT_THAT(only<UnsafeCallFinding>(small.on(called(extra, malloc_, 7))), SizeIs(1));
  small.on(counted(extra, 9, {{malloc_, 1}}));
  const auto children = only<ChildFinding>(small.on(exited(extra, 9, 1)));
  ASSERT_THAT(children, SizeIs(1));
  EXPECT_FALSE(children[0].exact);
  EXPECT_FALSE(children[0].was_counted);
  EXPECT_EQ(small.live_children(), 1u);
  EXPECT_EQ(small.untracked(), 1u);
}

} // namespace
} // namespace forkmon
