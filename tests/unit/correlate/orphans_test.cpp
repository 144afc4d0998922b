// SPDX-License-Identifier: MIT
/// Children whose parent, or whose own first thread, has ended.
#include "correlate/correlator_fixture.h"

namespace forkmon {
namespace {

using namespace script;
using testing::IsEmpty;
using testing::SizeIs;

using Orphans = CorrelatorTest;
using Leaderless = CorrelatorTest;

ForkEvent orphan() {
  ForkEvent fork = forked(unarmed(child(20, 5 * ms, 0)));
  fork.child.adopted = true;
  fork.child.parent_threads = 0;
  fork.parent_ended = true;
  return fork;
}

StuckEvent stuck(const ChildRef& ref, bool parent_ended) {
  StuckEvent event;
  event.time_ns = 900 * ms;
  event.child = ref;
  event.proof = true;
  event.parent_ended = parent_ended;
  return event;
}

TEST_F(Orphans, AreNoTaintedChildrenAsFarAsIsKnown) {
  EXPECT_THAT(run({orphan()}), IsEmpty());
  EXPECT_EQ(correlator_.live_children(), 1u);
  EXPECT_THAT(run({exited(orphan().child, 9 * ms)}), IsEmpty());
  EXPECT_EQ(correlator_.live_children(), 0u);
  run({orphan()});
  EXPECT_THAT(correlator_.finish(9 * ms), IsEmpty());
}

TEST_F(Orphans, AreReportedWhereTheyAreStuck) {
  const auto findings = only<DeadlockFinding>(run({orphan(), stuck(orphan().child, false)}));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_TRUE(findings[0].subject.parent.ended);
  EXPECT_EQ(findings[0].subject.parent.pid, 0u);
  const auto ends = only<ChildFinding>(run({exited(orphan().child, 950 * ms)}));
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_FALSE(ends[0].was_counted);
}

TEST_F(Orphans, OfAParentThatEndsLaterHaveItAsItWas) {
  const ChildRef c = child(20, 5 * ms);
  const auto findings = only<DeadlockFinding>(run({forked(c), stuck(c, true)}));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_TRUE(findings[0].subject.parent.ended);
  EXPECT_EQ(findings[0].subject.parent.pid, 10u);
  EXPECT_EQ(findings[0].subject.parent.comm, "server");
}

TEST_F(Leaderless, ChildrenAreNotExactAtAnExec) {
  ChildRef c = child(20, 5 * ms);
  run({forked(c)});
  c.leaderless = true;
  const ChildFinding finding = ending(
      {called(c, malloc_, 6 * ms), counted(c, 7 * ms, {{malloc_, 1}}), execed(c, 9 * ms, 1)});
  EXPECT_FALSE(finding.exact);
  EXPECT_EQ(finding.inexact.cause, InexactCause::leader_ended);
}

TEST_F(Leaderless, ChildrenAreExactAtAnExit) {
  ChildRef c = child(20, 5 * ms);
  run({forked(c)});
  c.leaderless = true;
  EXPECT_TRUE(
      ending({called(c, malloc_, 6 * ms), counted(c, 9 * ms, {{malloc_, 1}}), exited(c, 9 * ms, 1)})
          .exact);
}

} // namespace
} // namespace forkmon
