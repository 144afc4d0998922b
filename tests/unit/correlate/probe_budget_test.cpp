// SPDX-License-Identifier: MIT
#include "correlate/probe_budget.h"

#include <gmock/gmock.h>

namespace forkmon {

bool operator==(const ProbeBudget::Change& a, const ProbeBudget::Change& b) {
  return a.pid == b.pid && a.tier == b.tier && a.carry == b.carry;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Change = ProbeBudget::Change;

constexpr std::uint64_t second = 1'000'000'000;
/// Hits that take a hundredth of a CPU for a second.
constexpr std::uint64_t hundredth = second / 100 / ProbeBudget::hit_ns;
constexpr std::uint64_t saved_s = ProbeBudget::saved_ns / second;

constexpr Change off(pid_t pid, Tier tier) {
  return {pid, tier, false};
}
constexpr Change on(pid_t pid, Tier tier) {
  return {pid, tier, true};
}

class ProbeBudgetTest : public testing::Test {
protected:
  /// Process 7 is armed, and has used that much in all.
  std::vector<Change> at(std::uint64_t seconds, std::uint64_t hot, std::uint64_t cold = 0,
                         std::uint64_t forks = 0) {
    return judge(seconds, {{7, used(hot, cold, forks)}});
  }
  std::vector<Change> judge(std::uint64_t seconds, std::map<pid_t, ProbeUsage> families,
                            std::uint64_t execs = 0) {
    return budget_.judge({std::move(families), execs}, seconds * second);
  }
  static ProbeUsage used(std::uint64_t hot, std::uint64_t cold = 0, std::uint64_t forks = 0) {
    ProbeUsage usage;
    usage.tiers[index(Tier::hot)].hits = hot;
    usage.tiers[index(Tier::cold)].hits = cold;
    usage.forks = forks;
    return usage;
  }
  ProbeBudget budget_{0.01};
};

TEST_F(ProbeBudgetTest, LetsAFamilySpendItsShareForEver) {
  for (std::uint64_t s = 0; s < 1'000; s++)
    EXPECT_THAT(at(s, s * hundredth), IsEmpty()) << s;
}

TEST_F(ProbeBudgetTest, LetsSavingsBeSpentAtOnce) {
  at(0, 0);
  EXPECT_THAT(at(100, (saved_s - 1) * hundredth), IsEmpty());
}

TEST_F(ProbeBudgetTest, SavesNoMoreThanThat) {
  at(0, 0);
  at(100, 0);
  EXPECT_THAT(at(100, (saved_s + 1) * hundredth), ElementsAre(off(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, ChargesWhatWasUsedBeforeItFirstLooked) {
  ProbeUsage usage = used((saved_s + 1) * hundredth);
  usage.armed_ns = 5 * second;
  EXPECT_THAT(judge(5, {{7, usage}}), ElementsAre(off(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, TakesTheDearerTierOff) {
  EXPECT_THAT(at(1, 10, 10 * hundredth), ElementsAre(off(7, Tier::cold)));
}

TEST_F(ProbeBudgetTest, TakesTheOtherOffTooWhenThatIsNotEnough) {
  EXPECT_THAT(at(0, 10 * hundredth), ElementsAre(off(7, Tier::hot)));
  EXPECT_THAT(at(1, 10 * hundredth, 10 * hundredth), ElementsAre(off(7, Tier::cold)));
}

TEST_F(ProbeBudgetTest, LeavesTheOtherWhileADebtIsPaidOff) {
  at(0, 10 * hundredth);
  EXPECT_THAT(at(1, 10 * hundredth, 1), IsEmpty());
}

TEST_F(ProbeBudgetTest, ChargesForksThatCopyProbes) {
  const std::uint64_t forks = saved_s * second / 100 / ProbeBudget::fork_ns;
  EXPECT_THAT(at(0, 0, 0, forks), IsEmpty());
  EXPECT_THAT(at(0, 0, 0, 2 * forks), ElementsAre(off(7, Tier::cold), off(7, Tier::hot)))
      << "they cost as much with one tier";
  EXPECT_THAT(at(0, 0, 0, 99 * forks), IsEmpty()) << "without probes they cost nothing";
  EXPECT_THAT(at(20, 0, 0, 99 * forks), ElementsAre(on(7, Tier::hot), on(7, Tier::cold)));
}

TEST_F(ProbeBudgetTest, ChargesExecsThatTakeProbesOutByWhatThatTakes) {
  ProbeUsage usage = used(0);
  usage.tiers[index(Tier::cold)].exec_ns = saved_s * second / 100 - 10;
  usage.tiers[index(Tier::hot)].exec_ns = 1;
  usage.execs = 1;
  EXPECT_THAT(judge(0, {{7, usage}}), IsEmpty());
  usage.execs = 2;
  EXPECT_THAT(judge(1, {{7, usage}}), ElementsAre(off(7, Tier::cold)));
  usage.execs = 1'000;
  EXPECT_THAT(judge(2, {{7, usage}}), IsEmpty()) << "of the hot tier they take little";
}

TEST_F(ProbeBudgetTest, ChargesStrangersExecsBySitesAndByThreadsThatCarryProbes) {
  ProbeUsage usage = used(0);
  usage.tiers[index(Tier::cold)].sites = 100;
  const std::uint64_t saved = saved_s * second / 100;
  const std::uint64_t enough = saved / (100 * ProbeBudget::site_ns);
  judge(0, {{7, usage}}, 1'000);
  EXPECT_THAT(judge(0, {{7, usage}}, 1'000 + enough), IsEmpty());
  usage.carriers = 1'000;
  EXPECT_THAT(judge(10, {{7, usage}}, 1'000 + enough), IsEmpty());
  EXPECT_THAT(judge(10, {{7, usage}}, 1'000 + 2 * enough), ElementsAre(off(7, Tier::cold)));
}

TEST_F(ProbeBudgetTest, SharesStrangersExecsAmongFamilies) {
  ProbeUsage usage = used(0);
  usage.tiers[index(Tier::cold)].sites = 100;
  const std::uint64_t enough = saved_s * second / 100 / (100 * ProbeBudget::site_ns);
  judge(0, {{7, usage}, {8, usage}});
  EXPECT_THAT(judge(0, {{7, usage}, {8, usage}}, 2 * enough), IsEmpty());
  EXPECT_THAT(judge(0, {{7, usage}, {8, usage}}, 4 * enough),
              ElementsAre(off(7, Tier::cold), off(8, Tier::cold)));
}

TEST_F(ProbeBudgetTest, PutsATierBackAfterTheBackOff) {
  const std::uint64_t used = (saved_s + 1) * hundredth;
  at(0, used);
  EXPECT_THAT(at(9, used), IsEmpty());
  EXPECT_THAT(at(10, used), ElementsAre(on(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, PutsNothingBackBeforeTheDebtIsPaid) {
  const std::uint64_t used = (saved_s + 100) * hundredth;
  at(0, used);
  EXPECT_THAT(at(98, used), IsEmpty());
  EXPECT_THAT(at(101, used), ElementsAre(on(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, DoublesTheBackOffUpToABound) {
  std::uint64_t now = 0;
  std::uint64_t used = 0;
  for (std::uint64_t back_off_s : {10, 20, 40, 80, 160, 320, 640, 640}) {
    used += 10 * hundredth;
    ASSERT_THAT(at(now, used), ElementsAre(off(7, Tier::hot)));
    ASSERT_THAT(at(now + back_off_s - 1, used), IsEmpty());
    ASSERT_THAT(at(now + back_off_s, used), ElementsAre(on(7, Tier::hot)));
    now += back_off_s;
  }
}

TEST_F(ProbeBudgetTest, ForgetsOldSinsOfOneThatWasGoodForLong) {
  at(0, 10 * hundredth);
  at(10, 10 * hundredth);
  at(31, 10 * hundredth);
  at(31, 20 * hundredth);
  EXPECT_THAT(at(41, 20 * hundredth), ElementsAre(on(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, JudgesEachFamilyByItself) {
  EXPECT_THAT(judge(1, {{7, used(10 * hundredth)}, {8, used(1, 1, 1)}}),
              ElementsAre(off(7, Tier::hot)));
}

TEST_F(ProbeBudgetTest, StartsAnewWithAPidThatWasLetGo) {
  at(0, 10 * hundredth);
  judge(1, {});
  EXPECT_THAT(at(2, hundredth), IsEmpty());
}

TEST_F(ProbeBudgetTest, OfAWholeCpuIsNeverSpentByOneThread) {
  ProbeBudget whole(1);
  for (std::uint64_t s = 1; s < 100; s++)
    EXPECT_THAT(whole.judge({{{7, used(s * 99 * hundredth)}}, 0}, s * second), IsEmpty()) << s;
}

TEST_F(ProbeBudgetTest, OfNothingAllowsNothing) {
  EXPECT_FALSE(ProbeBudget(0).allows_anything());
  EXPECT_TRUE(budget_.allows_anything());
}

} // namespace
} // namespace forkmon
