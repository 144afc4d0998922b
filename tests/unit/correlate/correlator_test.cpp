// SPDX-License-Identifier: MIT
#include "correlate/correlator_fixture.h"

namespace forkmon {
namespace {

using namespace script;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using CorrelatorForks = CorrelatorTest;
using CorrelatorCalls = CorrelatorTest;
using CorrelatorEnds = CorrelatorTest;

TEST_F(CorrelatorForks, AreFindingsWithTheirSubject) {
  const auto findings = run({forked(child(20, 5 * ms))});
  ASSERT_THAT(findings, SizeIs(1));
  const auto& finding = std::get<TaintedForkFinding>(findings[0]);
  EXPECT_EQ(finding.time_ns, 5 * ms);
  EXPECT_EQ(finding.severity, Severity::info);
  expect_subject(finding.subject);
  EXPECT_EQ(correlator_.live_children(), 1u);
}

TEST_F(CorrelatorCalls, AreFindingsWithAllThatTheTableSays) {
  const ChildRef c = child(20, 5 * ms);
  const auto findings = run({forked(c), called(c, setenv_, 7 * ms)});
  ASSERT_THAT(findings, SizeIs(1));
  const auto& finding = std::get<UnsafeCallFinding>(findings[0]);
  EXPECT_EQ(finding.time_ns, 7 * ms);
  EXPECT_EQ(finding.severity, Severity::high);
  expect_subject(finding.subject);
  EXPECT_EQ(finding.function, "setenv");
  EXPECT_EQ(finding.category, "environment");
  EXPECT_EQ(finding.library, "libc.so.6");
  EXPECT_FALSE(finding.is_protected);
  EXPECT_EQ(finding.evidence, Evidence::uprobe);
  EXPECT_EQ(finding.since_fork_us, 2000u);
  EXPECT_EQ(finding.advice, "Build envp.");
}

TEST_F(CorrelatorCalls, SayThatTheLibraryRepairsTheLock) {
  const auto calls = only<UnsafeCallFinding>(run({called(child(20, 5), malloc_, 7)}));
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_TRUE(calls[0].is_protected);
  EXPECT_EQ(calls[0].severity, Severity::warning);
}

TEST_F(CorrelatorCalls, AreReportedOncePerChildAndFunction) {
  const ChildRef one = child(20, 5), two = child(21, 6);
  const auto findings =
      run_all({forked(one), forked(two), called(one, malloc_, 7), called(one, malloc_, 8),
               called(two, malloc_, 9), called(one, exit_, 10), called(two, malloc_, 11)});
  EXPECT_THAT(only<UnsafeCallFinding>(findings), SizeIs(3));
  EXPECT_THAT(run({called(one, exit_, 12)}), IsEmpty());
}

TEST_F(CorrelatorCalls, SayThatAPageFaultShowedThem) {
  const ChildRef c = unarmed(child(20, 5));
  const auto calls = only<UnsafeCallFinding>(run({forked(c), faulted(c, malloc_, 6)}));
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].evidence, Evidence::page_fault);
  EXPECT_EQ(calls[0].function, "malloc");
  EXPECT_EQ(calls[0].severity, Severity::warning);
}

TEST_F(CorrelatorCalls, SeenByBothSensorsAreReportedOnceAsFirstSeen) {
  const ChildRef c = unarmed(child(20, 5)), other = unarmed(child(21, 5));
  const auto calls = only<UnsafeCallFinding>(
      run_all({forked(c), faulted(c, malloc_, 6), called(c, malloc_, 7), faulted(c, malloc_, 8),
               forked(other), called(other, malloc_, 9), faulted(other, malloc_, 10)}));
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].evidence, Evidence::page_fault);
  EXPECT_EQ(calls[1].evidence, Evidence::uprobe);
}

TEST_F(CorrelatorCalls, OfTheSameNameInTwoLibrariesAreTwo) {
  const FunctionId other =
      *functions_.add({"malloc", Category::allocator, Tier::hot, "libjemalloc.so.2", true,
                       Severity::warning, "Allocate before fork."});
  const ChildRef c = child(20, 5);
  const auto calls =
      only<UnsafeCallFinding>(run_all({forked(c), called(c, malloc_, 7), called(c, other, 8)}));
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].library, "libc.so.6");
  EXPECT_EQ(calls[1].library, "libjemalloc.so.2");
}

TEST_F(CorrelatorCalls, OfAnUnknownFunctionAreNamedByItsId) {
  const ChildRef c = child(20, 5);
  const auto findings =
      run_all({forked(c), called(c, 77, 7), counted(c, 8, {{77, 3}}), exited(c, 9, 3)});
  const auto calls = only<UnsafeCallFinding>(findings);
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].function, "function_77");
  EXPECT_EQ(calls[0].library, "");
  EXPECT_EQ(calls[0].severity, Severity::warning);
  EXPECT_THAT(only<ChildFinding>(findings)[0].calls, ElementsAre(Called("function_77", 3u)));
}

TEST_F(CorrelatorCalls, OfAnotherThreadDoNotRenameTheChild) {
  const ChildRef c = child(20, 5);
  CallEvent by_thread = called(c, malloc_, 7);
  by_thread.tid = 25;
  by_thread.comm = "pool-1";
  CallEvent by_leader = called(c, exit_, 8);
  by_leader.comm = "renamed";
  const auto calls = only<UnsafeCallFinding>(run_all({forked(c), by_thread, by_leader}));
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].subject.child.comm, "worker");
  EXPECT_EQ(calls[1].subject.child.comm, "renamed");
}

TEST_F(CorrelatorCalls, BeforeTheForkByTheClockSaturateAtZero) {
  const ChildRef c = child(20, 9 * ms);
  const auto calls = only<UnsafeCallFinding>(run({forked(c), called(c, malloc_, 2 * ms)}));
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(calls[0].since_fork_us, 0u);
  EXPECT_EQ(ending({exited(c, 3 * ms, 1)}).lifetime_us, 0u);
}

TEST_F(CorrelatorEnds, TellAllCallsTheWorstFirst) {
  const ChildRef c = child(20, 5 * ms);
  const ChildFinding finding = ending(
      {forked(c), called(c, malloc_, 6 * ms), called(c, exit_, 7 * ms), called(c, setenv_, 7 * ms),
       counted(c, 9 * ms, {{malloc_, 1000}, {setenv_, 2}, {exit_, 1}}), exited(c, 9 * ms, 1003)});
  EXPECT_EQ(finding.time_ns, 9 * ms);
  EXPECT_EQ(finding.severity, Severity::high);
  expect_subject(finding.subject);
  EXPECT_EQ(finding.outcome, Outcome::exit);
  EXPECT_EQ(finding.lifetime_us, 4000u);
  EXPECT_THAT(finding.calls,
              ElementsAre(Called("setenv", 2u), Called("exit", 1u), Called("malloc", 1000u)));
  EXPECT_EQ(finding.calls[2].category, "allocator");
  EXPECT_EQ(finding.calls[2].library, "libc.so.6");
  EXPECT_EQ(finding.calls[2].severity, Severity::warning);
  EXPECT_EQ(finding.advice, "Build envp.");
  EXPECT_TRUE(finding.exact);
  EXPECT_EQ(correlator_.live_children(), 0u);
}

TEST_F(CorrelatorEnds, CountWhatOnlyAPageFaultShowedAsOneAndNeverAsExact) {
  const ChildRef c = unarmed(child(20, 5));
  const auto end = ending({forked(c), faulted(c, malloc_, 6), exited(c, 9)});
  EXPECT_THAT(end.calls, ElementsAre(Called("malloc", 1u)));
  EXPECT_FALSE(end.exact);
}

TEST_F(CorrelatorEnds, KeepTheProbesCountsBesideWhatPageFaultsShowed) {
  const ChildRef c = unarmed(child(20, 5));
  const auto end = ending({forked(c), faulted(c, malloc_, 6), faulted(c, setenv_, 6),
                           called(c, malloc_, 7), counted(c, 9, {{malloc_, 7}}), exited(c, 9, 7)});
  EXPECT_THAT(end.calls, ElementsAre(Called("setenv", 1u), Called("malloc", 7u)));
  EXPECT_FALSE(end.exact);
}

TEST_F(CorrelatorEnds, AdviseAgainstPreexecFnWhereAPythonChildExecs) {
  const ChildRef c = child(20, 5);
  ForkEvent python = forked(c);
  python.exe = "/usr/bin/python3.11";
  const auto execs = ending({python, called(c, setenv_, 6), execed(c, 9, 1)});
  EXPECT_THAT(execs.advice, testing::StartsWith("Build envp. In Python, do without preexec_fn"));
  const ChildRef d = child(21, 10);
  python.child = d;
  const auto exits = ending({python, called(d, setenv_, 11), exited(d, 12, 1)});
  EXPECT_THAT(exits.advice, testing::HasSubstr("spawn or forkserver"));
}

TEST_F(CorrelatorEnds, SayWhetherTheChildWasStillStuck) {
  const ChildRef c = child(20, 5);
  StuckEvent stuck;
  stuck.time_ns = 6;
  stuck.child = c;
  stuck.proof = true;
  EXPECT_TRUE(ending({forked(c), stuck, exited(c, 9)}).still_stuck);
  const ChildRef d = child(21, 10);
  stuck.child = d;
  const ChildFinding resumed = ending({forked(d), stuck, UnstuckEvent{11, d}, exited(d, 12)});
  EXPECT_TRUE(resumed.deadlocked) << "what was proven stays";
  EXPECT_FALSE(resumed.still_stuck);
}

TEST_F(CorrelatorEnds, WithoutCallsAreInfo) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding = ending({forked(c), execed(c, 9)});
  EXPECT_EQ(finding.severity, Severity::info);
  EXPECT_THAT(finding.calls, IsEmpty());
  EXPECT_EQ(finding.advice, "");
  EXPECT_TRUE(finding.exact);
}

TEST_F(CorrelatorEnds, ByExecKeepTheNameThatTheChildHad) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding = ending({forked(c), execed(c, 9)});
  EXPECT_EQ(finding.outcome, Outcome::exec);
  EXPECT_EQ(finding.status, 0);
  EXPECT_EQ(finding.subject.child.comm, "worker");
}

TEST_F(CorrelatorEnds, TellTheExitStatus) {
  const ChildRef c = child(20, 5);
  const ChildFinding finding = ending({forked(c), exited(c, 9, 0, 3 << 8)});
  EXPECT_EQ(finding.outcome, Outcome::exit);
  EXPECT_EQ(finding.status, 3);
}

TEST_F(CorrelatorEnds, TellTheSignal) {
  const ChildRef c = child(20, 5);
  const ChildFinding killed = ending({forked(c), exited(c, 9, 0, 9)});
  EXPECT_EQ(killed.outcome, Outcome::signal);
  EXPECT_EQ(killed.status, 9);
  const ChildRef d = child(21, 5);
  const ChildFinding dumped = ending({forked(d), exited(d, 9, 0, 11 | 0x80)});
  EXPECT_EQ(dumped.outcome, Outcome::signal);
  EXPECT_EQ(dumped.status, 11) << "the core-dump bit is no part of it";
}

TEST_F(CorrelatorEnds, OfTheSessionLeaveTheRestAlive) {
  const ChildRef one = child(20, 5 * ms), two = child(21, 6 * ms);
  run({forked(one), forked(two), called(one, malloc_, 7 * ms)});
  const auto children = only<ChildFinding>(correlator_.finish(9 * ms));
  ASSERT_THAT(children, SizeIs(2));
  EXPECT_EQ(children[0].outcome, Outcome::alive);
  EXPECT_EQ(children[0].lifetime_us, 4000u);
  EXPECT_THAT(children[0].calls, ElementsAre(Called("malloc", 1u)));
  EXPECT_FALSE(children[0].exact);
  EXPECT_EQ(children[1].subject.child.pid, 21u);
  EXPECT_EQ(correlator_.live_children(), 0u);
  EXPECT_THAT(correlator_.finish(10 * ms), IsEmpty());
}

} // namespace
} // namespace forkmon
