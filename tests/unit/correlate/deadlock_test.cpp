// SPDX-License-Identifier: MIT
#include "correlate/deadlock.h"

#include "correlate/correlator_fixture.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using namespace script;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Frame> stack(std::initializer_list<const char*> functions) {
  std::vector<Frame> frames;
  for (const char* function : functions)
    frames.push_back({.function = function, .module = "/lib/libc.so.6", .source = ""});
  return frames;
}

Lock owned_mutex() {
  return {.kind = LockKind::mutex,
          .address = 0x10,
          .symbol = "",
          .owner = LockOwner{.tid = 11, .comm = "logger", .alive = true, .is_self = false}};
}

StuckEvent stuck(const ChildRef& ref, std::uint64_t time_ns, bool proof = true) {
  StuckEvent event;
  event.time_ns = time_ns;
  event.child = ref;
  event.proof = proof;
  event.reason = proof ? StuckReason::none : StuckReason::own_pipe;
  event.lock = owned_mutex();
  event.waited_ms = 700;
  return event;
}

UnstuckEvent unstuck(const ChildRef& ref, std::uint64_t time_ns) {
  return {time_ns, ref};
}

TEST(Deadlock, CarriesWhatTheEventKnows) {
  TrackedChild child;
  child.subject.parent.exe = "/usr/bin/python3";
  child.subject.child.pid = 20;
  child.ref.key.fork_time_ns = 1;
  StuckEvent event = stuck(script::child(20, 1), 24'000'000'001);
  event.stack = stack({"pthread_mutex_lock", "main"});
  event.owner_stack = stack({"read"});
  event.python = {{.function = "_bootstrap",
                   .module = "",
                   .source = "/usr/lib/python3.11/multiprocessing/process.py:314"}};
  const DeadlockFinding finding = deadlock(child, event);
  EXPECT_EQ(finding.time_ns, 24'000'000'001u);
  EXPECT_EQ(finding.severity, Severity::critical);
  EXPECT_TRUE(finding.proof);
  EXPECT_EQ(finding.waited_ms, 700u);
  EXPECT_EQ(finding.since_fork_us, 24'000'000u);
  EXPECT_EQ(finding.lock.owner->tid, 11u);
  EXPECT_THAT(finding.stack, SizeIs(2));
  EXPECT_THAT(finding.owner_stack, SizeIs(1));
  EXPECT_THAT(finding.python, SizeIs(1));
  EXPECT_EQ(finding.remedy, Remedy::kill_child);
  EXPECT_THAT(finding.now, testing::StartsWith("Kill 20: "));
  EXPECT_THAT(finding.advice, testing::HasSubstr("forkserver"));
}

TEST(Deadlock, IsHighAndGivesAReasonWhereItIsOnlySuspected) {
  const DeadlockFinding finding = deadlock({}, stuck(script::child(20, 1), 5, false));
  EXPECT_EQ(finding.severity, Severity::high);
  EXPECT_FALSE(finding.proof);
  EXPECT_EQ(finding.reason, StuckReason::own_pipe);
}

TEST(SeverityOf, IsInfoWhereHealthyProgramsLookTheSame) {
  EXPECT_EQ(severity_of(StuckReason::handler), Severity::info);
  EXPECT_EQ(severity_of(StuckReason::shared_futex), Severity::info);
  EXPECT_EQ(severity_of(StuckReason::all_threads_wait), Severity::info);
  EXPECT_EQ(severity_of(StuckReason::spins), Severity::warning);
  EXPECT_EQ(severity_of(StuckReason::naps), Severity::warning);
  EXPECT_EQ(severity_of(StuckReason::own_pipe), Severity::high);
}

class StuckChild : public CorrelatorTest {
protected:
  StuckChild() { run({forked(child_)}); }
  ChildRef child_ = child(20, 100);
};

TEST_F(StuckChild, IsReportedOnce) {
  const auto found = only<DeadlockFinding>(run({stuck(child_, 200)}));
  ASSERT_THAT(found, SizeIs(1));
  expect_subject(found[0].subject);
  EXPECT_THAT(run({stuck(child_, 300)}), IsEmpty());
}

TEST_F(StuckChild, IsReportedAgainAfterItWentOn) {
  const auto findings =
      run_all({stuck(child_, 200), unstuck(child_, 300), stuck(child_, 400, false)});
  EXPECT_THAT(only<DeadlockFinding>(findings), SizeIs(2));
  const auto over = only<DeadlockOverFinding>(findings);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].time_ns, 300u);
  EXPECT_TRUE(over[0].child_lives);
  EXPECT_TRUE(over[0].proof);
  expect_subject(over[0].subject);
}

TEST_F(StuckChild, TellsWhichKindOfReportIsOver) {
  const auto over =
      only<DeadlockOverFinding>(run({stuck(child_, 200, false), unstuck(child_, 300)}));
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_FALSE(over[0].proof);
}

TEST_F(StuckChild, GoesOnOnlyOnce) {
  run({stuck(child_, 200), unstuck(child_, 300)});
  EXPECT_THAT(run({unstuck(child_, 400)}), IsEmpty());
}

TEST_F(StuckChild, IsReportedOnceMoreWhenASuspicionIsProven) {
  EXPECT_FALSE(only<DeadlockFinding>(run({stuck(child_, 200, false)}))[0].suspected_before);
  EXPECT_THAT(run({stuck(child_, 250, false)}), IsEmpty());
  const auto proven = only<DeadlockFinding>(run({stuck(child_, 300)}));
  ASSERT_THAT(proven, SizeIs(1));
  EXPECT_TRUE(proven[0].proof);
  EXPECT_EQ(proven[0].suspected_before, Severity::high);
  EXPECT_THAT(run({stuck(child_, 400, false), stuck(child_, 500)}), IsEmpty());
  const auto over = only<DeadlockOverFinding>(run({unstuck(child_, 600)}));
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_TRUE(over[0].proof);
}

TEST_F(StuckChild, IsNotBlamedForASuspicionThatWasWrong) {
  const auto over =
      only<DeadlockOverFinding>(run({stuck(child_, 200, false), unstuck(child_, 300)}));
  EXPECT_EQ(over[0].reported_severity, Severity::high);
  const ChildFinding ended = ending({exited(child_, 500)});
  EXPECT_FALSE(ended.deadlocked);
  EXPECT_EQ(ended.severity, Severity::info);
}

TEST_F(StuckChild, LosesItsDeadlockRightBeforeItEnds) {
  run({stuck(child_, 200)});
  const auto findings = run({exited(child_, 300, 0, 9)});
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_FALSE(std::get<DeadlockOverFinding>(findings[0]).child_lives);
  EXPECT_TRUE(std::get<DeadlockOverFinding>(findings[0]).proof);
  const auto& ended = std::get<ChildFinding>(findings[1]);
  EXPECT_TRUE(ended.deadlocked);
  EXPECT_EQ(ended.severity, Severity::critical);
  EXPECT_EQ(ended.outcome, Outcome::signal);
}

TEST_F(StuckChild, KeepsTheWorstSeverityToItsEnd) {
  run({stuck(child_, 200), unstuck(child_, 300), stuck(child_, 400, false)});
  EXPECT_EQ(ending({exited(child_, 500)}).severity, Severity::critical);
}

TEST_F(StuckChild, ThatOutlivesTheSessionIsNotOver) {
  run({stuck(child_, 200)});
  const auto findings = correlator_.finish(300);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_TRUE(std::get<ChildFinding>(findings[0]).deadlocked);
  EXPECT_EQ(std::get<ChildFinding>(findings[0]).outcome, Outcome::alive);
}

TEST_F(StuckChild, IsOverWhereItsEndWasLost) {
  run({stuck(child_, 200)});
  EXPECT_THAT(only<DeadlockOverFinding>(correlator_.gone(child_.key, 300)), SizeIs(1));
}

TEST_F(StuckChild, IsWatchedWithTheThreadThatForkedIt) {
  ForkEvent fork = forked(child(21, 150));
  fork.parent_tid = 11;
  fork.call = ForkCall::clone;
  run({fork});
  const auto living = correlator_.children_older_than(1'000, 0);
  const auto found =
      std::ranges::find(living, 21u, [](const ChildRef& ref) { return ref.key.pid; });
  ASSERT_NE(found, living.end());
  EXPECT_EQ(found->forker_tid, 11u);
  EXPECT_EQ(found->call, ForkCall::clone);
}

TEST_F(StuckChild, MustBeAlive) {
  EXPECT_THAT(run({stuck(child(21, 100), 200)}), IsEmpty());
  run({exited(child_, 300)});
  EXPECT_THAT(run({stuck(child_, 400)}), IsEmpty());
  EXPECT_THAT(run({unstuck(child_, 500)}), IsEmpty());
}

TEST_F(StuckChild, ThatWasNeverStuckIsNotCalledDeadlocked) {
  const ChildFinding ended = ending({exited(child_, 300)});
  EXPECT_FALSE(ended.deadlocked);
  EXPECT_EQ(ended.severity, Severity::info);
}

} // namespace
} // namespace forkmon
