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

TEST(Summary, PutsDeadlocksBeforeAllElse) {
  Summary summary;
  summary.on(samples::call("getaddrinfo", Severity::high));
  summary.on(samples::suspicion());
  summary.on(samples::deadlock());
  summary.on(samples::over(false));
  summary.on(samples::deadlock());
  EXPECT_EQ(summary.render(2'000'000, totals(12, 4)), R"(forkmon watched for 2.0 s
  forks             12
  tainted children  4  (forked by a process with several threads)
  findings          2 critical, 2 high
  deadlocks         2 proven, 1 suspected

  SEVERITY  DEADLOCKED IN                 LOCK                       TIMES
  critical  python3                       mutex of logger                2
            Kill the child.
  high      python3                       semaphore                      1

  SEVERITY  FUNCTION                      LIBRARY                    CALLS  CHILDREN
  high      getaddrinfo                   libc.so.6                      1         1
            Resolve names before the fork.

Next: kill the deadlocked children, for nothing else ends their wait, and then take the way out
      that is told above with each.
)");
}

TEST(Summary, SaysWhatToDoAboutASuspicion) {
  Summary summary;
  summary.on(samples::suspicion());
  EXPECT_THAT(summary.render(1, totals(1, 1)),
              testing::EndsWith(R"(  deadlocks         0 proven, 1 suspected

  SEVERITY  DEADLOCKED IN                 LOCK                       TIMES
  high      python3                       semaphore                      1

Next: look at the stuck children first, for they may wait for ever. The way out is told above
      with each.
)"));
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
