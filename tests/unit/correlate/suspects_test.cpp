// SPDX-License-Identifier: MIT
#include "correlate/suspects.h"

#include "correlate/events.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using namespace script;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SuspectsTest : public testing::Test {
protected:
  void run(const std::vector<Event>& events) {
    for (const Event& event : events)
      suspects_.on(event);
  }
  /// Forked by the first thread of its parent.
  static ForkEvent forked(const ChildRef& ref) { return by_thread(ref.parent_pid, ref); }
  static ForkEvent by_thread(std::uint32_t tid, const ChildRef& ref) {
    ForkEvent event = script::forked(ref);
    event.parent_tid = tid;
    return event;
  }
  /// The process, by its first thread.
  static Suspect of(std::uint32_t pid) { return {pid, pid}; }
  /// Nobody heard of the fork.
  static Suspect unknown_of(std::uint32_t pid) { return {pid, 0}; }
  Suspects suspects_;
  const ChildRef c_ = unarmed(child(20, 100 * ms));
};

TEST_F(SuspectsTest, AreParentsOfChildrenThatOutliveTheGraceTime) {
  run({forked(c_)});
  EXPECT_THAT(suspects_.due(120 * ms), IsEmpty());
  EXPECT_THAT(suspects_.due(120 * ms + 1), ElementsAre(of(10)));
  EXPECT_THAT(suspects_.due(200 * ms), IsEmpty()) << "once";
}

TEST_F(SuspectsTest, AreParentsOfChildrenThatEndWithoutExec) {
  run({forked(c_), exited(c_, 101 * ms)});
  EXPECT_THAT(suspects_.due(101 * ms), ElementsAre(of(10)));
}

TEST_F(SuspectsTest, AreNotParentsOfChildrenThatExecAtOnce) {
  run({forked(c_), execed(c_, 120 * ms)});
  EXPECT_THAT(suspects_.due(500 * ms), IsEmpty());
}

TEST_F(SuspectsTest, AreParentsOfChildrenThatExecLate) {
  run({forked(c_), execed(c_, 120 * ms + 1)});
  EXPECT_THAT(suspects_.due(500 * ms), ElementsAre(of(10)));
}

TEST_F(SuspectsTest, AreNotTakenForWhoHadTheirPidBefore) {
  ChildRef later = unarmed(child(21, 200 * ms));
  later.parent_start_ticks = 77;
  run({forked(c_), exited(c_, 101 * ms), forked(later), exited(later, 201 * ms)});
  EXPECT_THAT(suspects_.due(201 * ms), ElementsAre(Suspect{10, 10, 77}));
  EXPECT_EQ(suspects_.offences(10), 1u) << "its own";
}

TEST_F(SuspectsTest, AreNotWhoeverTookAnOrphanOver) {
  ForkEvent orphan = forked(unarmed(child(20, 100 * ms, 0)));
  orphan.parent_ended = true;
  run({orphan, exited(orphan.child, 500 * ms)});
  EXPECT_THAT(suspects_.due(500 * ms), IsEmpty());
}

TEST_F(SuspectsTest, NeedNoForkRecord) {
  run({exited(c_, 101 * ms)});
  EXPECT_THAT(suspects_.due(101 * ms), ElementsAre(unknown_of(10))) << "by an unknown thread";
}

TEST_F(SuspectsTest, AreThreads) {
  run({by_thread(11, c_), exited(c_, 101 * ms)});
  EXPECT_THAT(suspects_.due(101 * ms), ElementsAre(Suspect{10, 11}));
  const ChildRef d = unarmed(child(21, 101 * ms));
  run({by_thread(12, d)});
  EXPECT_THAT(suspects_.due(500 * ms), ElementsAre(Suspect{10, 12})) << "another one";
  run({exited(d, 501 * ms)});
  EXPECT_EQ(suspects_.offences(10), 3u) << "of the process";
  suspects_.forget(10);
  EXPECT_EQ(suspects_.offences(10), 0u);
}

TEST_F(SuspectsTest, AreNotGuessedOfAdoptedChildren) {
  ChildRef adopted = c_;
  adopted.adopted = true;
  run({by_thread(10, adopted)});
  EXPECT_THAT(suspects_.due(500 * ms), ElementsAre(unknown_of(10)));
}

TEST_F(SuspectsTest, AreGivenOnceHoweverManyTheirChildren) {
  const ChildRef d = unarmed(child(21, 101 * ms));
  run({forked(c_), exited(c_, 101 * ms), forked(d), exited(d, 102 * ms)});
  EXPECT_THAT(suspects_.due(103 * ms), ElementsAre(of(10)));
  const ChildRef e = unarmed(child(22, 104 * ms));
  run({forked(e), exited(e, 105 * ms)});
  EXPECT_THAT(suspects_.due(105 * ms), IsEmpty());
}

TEST_F(SuspectsTest, AreGivenAgainWhenTheirOffencesHaveDoubled) {
  for (std::uint32_t pid = 20; pid < 23; ++pid)
    run({exited(unarmed(child(pid, 101 * ms)), 102 * ms)});
  EXPECT_THAT(suspects_.due(103 * ms), ElementsAre(unknown_of(10)));
  run({exited(unarmed(child(23, 104 * ms)), 105 * ms)});
  EXPECT_THAT(suspects_.due(105 * ms), ElementsAre(unknown_of(10))) << "the fourth";
  EXPECT_EQ(suspects_.offences(10), 4u);
}

TEST_F(SuspectsTest, CommitNoOffenceWithArmedChildrenThatCallNothingUnsafe) {
  run({exited(child(20, 1), 2), exited(child(21, 3), 4, 5)});
  EXPECT_EQ(suspects_.offences(10), 1u);
  EXPECT_EQ(suspects_.offences(11), 0u);
}

TEST_F(SuspectsTest, ComeInTheOrderInWhichTheyBecameIt) {
  run({exited(unarmed(child(20, 1, 12)), 2), exited(unarmed(child(21, 1, 11)), 3)});
  EXPECT_THAT(suspects_.due(4), ElementsAre(unknown_of(12), unknown_of(11)));
}

TEST_F(SuspectsTest, MayBeTaintedChildrenThemselves) {
  const ChildRef g = unarmed(grandchild(30, 101 * ms, 20));
  run({forked(c_), forked(g), exited(g, 102 * ms)});
  EXPECT_THAT(suspects_.due(102 * ms), ElementsAre(of(20)));
}

TEST_F(SuspectsTest, AreNotThoseWhoseChildrenCarryProbesAlready) {
  const ChildRef armed = child(20, 100 * ms);
  run({forked(armed)});
  EXPECT_THAT(suspects_.due(500 * ms), IsEmpty());
  run({exited(armed, 500 * ms)});
  EXPECT_THAT(suspects_.due(500 * ms), IsEmpty());
}

TEST_F(SuspectsTest, AreNewOnceForgotten) {
  run({exited(c_, 101 * ms)});
  suspects_.due(101 * ms);
  suspects_.forget(10);
  run({exited(c_, 102 * ms)});
  EXPECT_THAT(suspects_.due(102 * ms), ElementsAre(unknown_of(10)));
}

TEST_F(SuspectsTest, AreNotGivenOnceForgotten) {
  run({exited(c_, 101 * ms)});
  suspects_.forget(10);
  EXPECT_THAT(suspects_.due(102 * ms), IsEmpty());
}

TEST_F(SuspectsTest, AreForgottenWithTheirOwnEnd) {
  const ChildRef g = unarmed(grandchild(30, 101 * ms, 20));
  run({exited(g, 102 * ms)});
  EXPECT_THAT(suspects_.due(102 * ms), ElementsAre(unknown_of(20)));
  run({execed(c_, 103 * ms), exited(unarmed(child(31, 104 * ms, 20)), 105 * ms)});
  EXPECT_THAT(suspects_.due(105 * ms), ElementsAre(unknown_of(20)))
      << "its exec took the probes off";
}

TEST_F(SuspectsTest, AreBounded) {
  for (std::uint32_t pid = 1; pid <= 3'000; ++pid)
    run({exited(unarmed(child(1'000'000 + pid, pid, pid)), pid + 1)});
  const auto due = suspects_.due(20'000);
  ASSERT_THAT(due, SizeIs(1024));
  EXPECT_EQ(due.back().pid, 3'000u) << "the latest are kept";
}

} // namespace
} // namespace forkmon
