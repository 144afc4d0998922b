// SPDX-License-Identifier: MIT
#include "sinks/summary.h"

#include "sinks/samples.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace forkmon {
namespace {

KernelTotals totals(std::uint64_t forks, std::uint64_t tainted) {
  KernelTotals totals;
  totals.forks = forks;
  totals.tainted_forks = tainted;
  return totals;
}

TEST(Summary, IsShortWhereNothingHappened) {
  EXPECT_EQ(Summary().render(2'000'000, totals(12, 0)), R"(forkmon watched for 2.0 s
  forks             12
  tainted children  0  (forked by a process with several threads)
  findings          none
No unsafe calls after fork were seen.
)");
}

TEST(Summary, DoesNotClaimInnocenceWhereEventsWereLost) {
  Summary summary;
  summary.on(LostFinding{.sensor = "probes", .count = 3});
  EXPECT_THAT(summary.render(2'000'000, totals(12, 1)),
              testing::EndsWith("  events lost       3  (numbers of calls may be too low)\n"
                                "No unsafe calls after fork were seen, but events were lost.\n"));
}

ChildFinding quiet(InexactCause cause) {
  ChildFinding child = samples::child(Outcome::exit);
  child.calls.clear();
  child.exact = cause == InexactCause::none;
  child.inexact = {cause, "/lib32/libc.so.6: a 32-bit file"};
  return child;
}

std::string closing(const std::vector<InexactCause>& children, std::uint64_t unresolved_hits = 0) {
  Summary summary;
  for (const InexactCause cause : children)
    summary.on(quiet(cause));
  KernelTotals seen = totals(12, children.size());
  seen.unresolved_hits = unresolved_hits;
  return summary.render(2'000'000, seen);
}

TEST(Summary, ClaimsInnocenceOnlyWhereAllWasWatched) {
  using enum InexactCause;
  EXPECT_THAT(closing({none, none}), testing::EndsWith("No unsafe calls after fork were seen.\n"));
  EXPECT_THAT(closing({none, library_unread}),
              testing::EndsWith("No unsafe calls were seen, but 1 of 2 tainted children was not "
                                "watched completely:\na library that it has mapped could not be "
                                "read: /lib32/libc.so.6: a 32-bit file.\n"));
  EXPECT_THAT(closing({not_armed, over_budget, not_armed}),
              testing::EndsWith("No unsafe calls were seen, but 3 of 3 tainted children were not "
                                "watched completely:\nmost of all, it carried no probes at its "
                                "fork.\n"));
}

TEST(Summary, SaysThatHitsWereNotMatched) {
  const std::string text = closing({InexactCause::none}, 12);
  EXPECT_THAT(text, testing::HasSubstr("  not matched       12 hits of probes"));
  EXPECT_THAT(text, testing::EndsWith("No unsafe calls after fork were seen, but hits of probes "
                                      "were not matched.\n"));
}

TEST(Summary, PutsTheWorstFunctionsFirst) {
  Summary summary;
  summary.on(TaintedForkFinding{});
  for (int i = 0; i < 2; ++i) {
    UnsafeCallFinding malloc = samples::call("malloc", Severity::warning);
    malloc.advice = "Allocate before the fork.";
    summary.on(malloc);
    UnsafeCallFinding free = samples::call("free", Severity::warning);
    free.advice = "";
    summary.on(free);
    summary.on(samples::child(Outcome::exit)); // malloc 1,000 times, free 3 times
  }
  summary.on(samples::call("getaddrinfo", Severity::high));
  EXPECT_EQ(summary.render(75'000'000, totals(1204, 37)), R"(forkmon watched for 1 min 15 s
  forks             1204
  tainted children  37  (forked by a process with several threads)
  findings          1 high, 4 warning

  SEVERITY  FUNCTION                      LIBRARY                    CALLS  CHILDREN
  high      getaddrinfo                   libc.so.6                      1         1
            Resolve names before the fork.
  warning   malloc                        libc.so.6                   2000         2
            Allocate before the fork.
  warning   free                          libc.so.6                      6         2

Next: fix the high ones first. Nobody repairs their locks after fork, so a child can hang for ever.
)");
}

DeadlockFinding deadlock_of(std::uint32_t pid, Remedy remedy = Remedy::kill_child) {
  DeadlockFinding deadlock = samples::deadlock();
  deadlock.subject.child.pid = pid;
  deadlock.remedy = remedy;
  return deadlock;
}

DeadlockFinding suspicion_of(std::uint32_t pid) {
  DeadlockFinding suspicion = samples::suspicion();
  suspicion.subject.child.pid = pid;
  return suspicion;
}

ChildFinding end_of(std::uint32_t pid, Outcome outcome) {
  ChildFinding child = samples::child(outcome);
  child.subject.child.pid = pid;
  child.calls.clear();
  child.deadlocked = true;
  return child;
}

TEST(Summary, PutsDeadlocksBeforeAllElse) {
  Summary summary;
  summary.on(samples::call("getaddrinfo", Severity::high));
  summary.on(suspicion_of(1241));
  summary.on(deadlock_of(1242));
  summary.on(end_of(1242, Outcome::signal));
  summary.on(deadlock_of(1243));
  EXPECT_EQ(summary.render(2'000'000, totals(12, 4)), R"(forkmon watched for 2.0 s
  forks             12
  tainted children  4  (forked by a process with several threads)
  findings          2 critical, 2 high
  deadlocks         2 proven, 1 suspected

  SEVERITY  STUCK CHILDREN OF             WAIT FOR                   TIMES
  critical  python3                       mutex of logger                2
            Use spawn.
  high      python3                       semaphore                      1

  SEVERITY  FUNCTION                      LIBRARY                    CALLS  CHILDREN
  high      getaddrinfo                   libc.so.6                      1         1
            Resolve names before the fork.

Next: kill 1243. Nothing else ends the wait.
Next: look at 1241, which may be stuck, or idle on purpose.
Then apply the advice given above with each.
)");
}

TEST(Summary, TellsNobodyToKillWhatHasEnded) {
  Summary summary;
  summary.on(deadlock_of(1242));
  summary.on(end_of(1242, Outcome::signal));
  summary.on(deadlock_of(1243));
  summary.on(samples::over(true)); // of 1240, which nobody knows
  DeadlockOverFinding over = samples::over(true);
  over.subject.child.pid = 1243;
  summary.on(over);
  EXPECT_THAT(
      summary.render(1, totals(1, 1)),
      testing::EndsWith("\n\nNo child is stuck any more. Next: apply the advice given above "
                        "with each.\n"));
}

TEST(Summary, NamesWhatIsStillStuckByItsRemedy) {
  Summary summary;
  for (std::uint32_t pid = 20; pid < 30; ++pid)
    summary.on(deadlock_of(pid, Remedy::restart_parent));
  summary.on(end_of(29, Outcome::alive));
  summary.on(deadlock_of(40, Remedy::release_lock));
  EXPECT_THAT(
      summary.render(1, totals(1, 1)),
      testing::EndsWith("\nNext: restart 1234. Killing the stuck children (20, 21, 22, 23, 24, 25, "
                        "26, 27 and 2 more) is not enough.\n"
                        "Next: find who holds the shared lock that blocks 40. Its release ends "
                        "the wait.\n"
                        "Then apply the advice given above with each.\n"));
}

TEST(Summary, SendsNobodyToFindWhoStopsAnIdleWorker) {
  Summary summary;
  DeadlockFinding idle = suspicion_of(40);
  idle.severity = Severity::info;
  idle.remedy = Remedy::release_lock;
  summary.on(idle);
  EXPECT_THAT(summary.render(1, totals(1, 1)), testing::HasSubstr("\nNext: look at 40, which may"));
}

TEST(Summary, CountsASuspicionThatWasProvenOnce) {
  Summary summary;
  summary.on(suspicion_of(1240));
  summary.on(deadlock_of(1240));
  EXPECT_THAT(summary.render(1, totals(1, 1)),
              testing::AllOf(testing::HasSubstr("  findings          1 critical\n"
                                                "  deadlocks         1 proven, 0 suspected\n"),
                             testing::Not(testing::HasSubstr("semaphore"))));
}

TEST(Summary, TakesASuspicionBackThatWasWrong) {
  Summary summary;
  summary.on(suspicion_of(1240));
  summary.on(samples::over(true, false));
  EXPECT_THAT(summary.render(1, totals(1, 1)),
              testing::AllOf(testing::HasSubstr("  findings          none\n"),
                             testing::Not(testing::HasSubstr("stuck"))));
}

TEST(Summary, NamesNoLockWhereThereIsNone) {
  Summary summary;
  DeadlockFinding spins = suspicion_of(1);
  spins.reason = StuckReason::spins;
  summary.on(spins);
  EXPECT_THAT(summary.render(1, totals(1, 1)), testing::HasSubstr("  nothing: it spins "));
}

TEST(Summary, CountsWhatWasForkedBeforeApart) {
  Summary summary;
  TaintedForkFinding adopted;
  adopted.adopted = true;
  summary.on(adopted);
  summary.on(adopted);
  summary.on(TaintedForkFinding{});
  EXPECT_EQ(summary.render(2'000'000, totals(1, 1), "process 12 ended"),
            R"(forkmon watched for 2.0 s, until process 12 ended
  forks             1
  tainted children  1  (forked by a process with several threads)
  already forked    2  (before forkmon started: what they called until then is not known)
  findings          none
No unsafe calls after fork were seen in children forked meanwhile.
)");
}

TEST(Summary, BoundsItsDeadlocks) {
  Summary summary;
  for (int i = 0; i < 5000; ++i) {
    DeadlockFinding deadlock = samples::deadlock();
    deadlock.subject.parent.exe = "/bin/app" + std::to_string(i);
    summary.on(deadlock);
  }
  EXPECT_THAT(
      summary.render(1, totals(1, 1)),
      testing::AllOf(testing::HasSubstr("  critical  (others)" + std::string(50, ' ') + "3976\n"),
                     testing::HasSubstr("  … and 1015 more deadlocks\n")));
}

TEST(Summary, SaysThatRepairedCallsAreNotUrgent) {
  Summary summary;
  summary.on(samples::call("malloc", Severity::warning));
  EXPECT_THAT(summary.render(1, totals(1, 1)),
              testing::AllOf(testing::HasSubstr("  findings          1 warning\n"),
                             testing::HasSubstr("Next: no finding is urgent.")));
}

TEST(Summary, ShowsTenFunctionsAndCountsTheRest) {
  Summary summary;
  for (int i = 0; i < 13; ++i)
    summary.on(samples::call("function" + std::to_string(i)));
  EXPECT_THAT(summary.render(1, totals(1, 1)), testing::HasSubstr("  … and 3 more functions\n"));
}

TEST(Summary, IsBoundedAndShowsNoHostileBytes) {
  Summary summary;
  UnsafeCallFinding call = samples::call();
  call.advice = samples::hostile;
  for (int i = 0; i < 5000; ++i) {
    call.function = samples::hostile + std::to_string(i);
    summary.on(call);
  }
  const std::string text = summary.render(1, totals(1, 1));
  EXPECT_THAT(text, testing::HasSubstr("  high      (other functions)"));
  EXPECT_THAT(text, testing::HasSubstr("        3976      3976\n"));
  EXPECT_THAT(text, testing::HasSubstr("  … and 1015 more functions\n"));
  EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                           [](unsigned char c) { return c < 0x20 && c != '\n'; }));
}

} // namespace
} // namespace forkmon
