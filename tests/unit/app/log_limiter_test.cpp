// SPDX-License-Identifier: MIT
#include "app/log_limiter.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::uint64_t second_ns = 1'000'000'000;

LogLimiter::Settings settings(std::uint32_t burst, std::size_t max_keys = 100) {
  return {.burst = burst, .period = std::chrono::seconds(60), .max_keys = max_keys};
}

UnsafeCallFinding call(std::uint64_t time_s, const std::string& exe = "a",
                       const std::string& function = "malloc") {
  UnsafeCallFinding finding;
  finding.time_ns = time_s * second_ns;
  finding.severity = Severity::warning;
  finding.subject.parent.exe = exe;
  finding.function = function;
  return finding;
}

std::uint64_t admitted(LogLimiter& limiter, const Finding& finding, int times) {
  std::uint64_t count = 0;
  for (int i = 0; i < times; i++)
    count += limiter.admits(finding);
  return count;
}

TEST(LogLimiter, AdmitsABurstOfEachExecutableAndRule) {
  LogLimiter limiter(settings(3));
  EXPECT_EQ(admitted(limiter, call(1), 10), 3u);
  EXPECT_EQ(admitted(limiter, call(1, "a", "free"), 10), 3u);
  EXPECT_EQ(admitted(limiter, call(1, "b"), 10), 3u);
  EXPECT_THAT(limiter.suppressed(), ElementsAre(Pair("unsafe_call", 21)));
}

TEST(LogLimiter, SaysWhatItLeftOutWhenThePeriodHasEnded) {
  LogLimiter limiter(settings(3));
  admitted(limiter, call(10), 10);
  admitted(limiter, call(11, "b"), 2);
  EXPECT_TRUE(limiter.ended(69 * second_ns).empty());
  const auto told = limiter.ended(70 * second_ns);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].exe, "a");
  EXPECT_EQ(told[0].rule, "unsafe_call:malloc");
  EXPECT_EQ(told[0].count, 7u);
  EXPECT_EQ(told[0].since_ns, 10 * second_ns);
  EXPECT_EQ(told[0].time_ns, 70 * second_ns);
  EXPECT_EQ(told[0].severity, Severity::warning);
  EXPECT_EQ(admitted(limiter, call(70), 10), 3u) << "a new period";
}

TEST(LogLimiter, TellsOfThePeriodsThatAreOpenAtTheEnd) {
  LogLimiter limiter(settings(1));
  admitted(limiter, call(10), 5);
  EXPECT_EQ(limiter.end_all(11 * second_ns).at(0).count, 4u);
  EXPECT_TRUE(limiter.end_all(12 * second_ns).empty());
}

TEST(LogLimiter, NamesTheRules) {
  LogLimiter limiter(settings(1));
  DeadlockFinding deadlock;
  deadlock.lock.kind = LockKind::semaphore;
  for (const Finding& finding :
       std::vector<Finding>{deadlock, ChildFinding{}, DeadlockOverFinding{},
                            LostFinding{0, Severity::warning, "probes", 1}})
    admitted(limiter, finding, 2);
  std::vector<std::string> rules;
  for (const SuppressedLines& told : limiter.end_all(1))
    rules.push_back(told.rule);
  EXPECT_THAT(rules, ElementsAre("child", "deadlock:semaphore", "deadlock_over", "lost:probes"));
}

TEST(LogLimiter, NeverLeavesOutWhatIsCritical) {
  LogLimiter limiter(settings(1));
  DeadlockFinding deadlock;
  deadlock.severity = Severity::critical;
  EXPECT_EQ(admitted(limiter, deadlock, 100), 100u);
  ChildFinding child;
  child.severity = Severity::critical;
  EXPECT_EQ(admitted(limiter, child, 100), 100u);
}

TEST(LogLimiter, WithoutABurstThereIsNoLimit) {
  LogLimiter limiter(settings(0));
  EXPECT_EQ(admitted(limiter, call(1), 1000), 1000u);
  limiter.configure(settings(2));
  EXPECT_EQ(admitted(limiter, call(1), 1000), 2u);
}

TEST(LogLimiter, ManyNamesShareOneLimit) {
  LogLimiter limiter(settings(2, 10));
  std::uint64_t count = 0;
  for (int i = 0; i < 1000; i++)
    count += limiter.admits(call(1, "exe" + std::to_string(i)));
  EXPECT_EQ(count, 10u + 2u);
  const auto told = limiter.end_all(second_ns);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].exe, "other");
  EXPECT_EQ(told[0].count, 988u);
}

} // namespace
} // namespace forkmon
