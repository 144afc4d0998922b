// SPDX-License-Identifier: MIT
#include "sinks/bounded_series.h"

#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <random>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr auto nobody = [](const LabelValues&) { return false; };

template <typename Series>
std::map<LabelValues, double> values_of(const Series& series) {
  std::map<LabelValues, double> values;
  for (const prometheus::ClientMetric& metric : series.collect().metric) {
    LabelValues labels;
    for (const auto& label : metric.label)
      labels.push_back(label.value);
    EXPECT_TRUE(values.emplace(labels, metric.counter.value).second) << "two series are alike";
  }
  return values;
}

template <typename Values>
double sum_of(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [](double sum, const auto& entry) { return sum + entry.second; });
}

const LabelValues other{"other"};

TEST(BoundedCounters, FoldTheLeastRecentlyUsedWithItsValue) {
  BoundedCounters counters(metric::function_calls, 2);
  counters.add({"a"}, 5, 1);
  counters.add({"b"}, 7, 2);
  counters.add({"a"}, 1, 3);
  EXPECT_EQ(counters.overflows(), 0u);
  counters.add({"c"}, 1, 4);
  EXPECT_THAT(values_of(counters),
              ElementsAre(Pair(LabelValues{"a"}, 6), Pair(LabelValues{"c"}, 1), Pair(other, 7)));
  EXPECT_EQ(counters.overflows(), 1u);
  EXPECT_EQ(counters.size(), 3u);
}

TEST(BoundedCounters, StartAnewAfterTheyWereFolded) {
  BoundedCounters counters(metric::function_calls, 1);
  counters.add({"a"}, 5, 1);
  counters.add({"b"}, 1, 2);
  counters.add({"a"}, 2, 3);
  EXPECT_THAT(values_of(counters), ElementsAre(Pair(LabelValues{"a"}, 2), Pair(other, 6)));
}

TEST(BoundedCounters, KeepOurOwnLabelsWhenTheyFold) {
  BoundedCounters counters(metric::children, 1);
  counters.add({"/a", "exec"}, 1, 1);
  counters.add({"/b", "exit"}, 1, 2);
  counters.add({"/c", "exec"}, 1, 3);
  EXPECT_THAT(values_of(counters),
              ElementsAre(Pair(LabelValues{"/c", "exec"}, 1), Pair(LabelValues{"other", "exec"}, 1),
                          Pair(LabelValues{"other", "exit"}, 1)));
}

TEST(BoundedCounters, HaveOneSeriesOfAnExecutableThatIsCalledOther) {
  BoundedCounters counters(metric::function_calls, 1);
  counters.add(other, 1, 1);
  counters.add({"a"}, 1, 2);
  counters.add({"b"}, 1, 3);
  EXPECT_THAT(values_of(counters), ElementsAre(Pair(LabelValues{"b"}, 1), Pair(other, 2)));
}

TEST(BoundedCounters, AgeOutWithoutRaisingOthers) {
  BoundedCounters counters(metric::function_calls, 3);
  counters.add({"old"}, 5, 1);
  counters.add({"used"}, 5, 1);
  counters.add({"new"}, 1, 10);
  counters.age_out(10, [](const LabelValues& values) { return values[0] == "used"; });
  EXPECT_THAT(values_of(counters),
              ElementsAre(Pair(LabelValues{"new"}, 1), Pair(LabelValues{"used"}, 5)));
  counters.age_out(11, nobody);
  EXPECT_EQ(counters.size(), 0u);
}

// No series ever falls while it is there, and nothing that was counted gets lost.
TEST(BoundedCounters, NeverFallWhateverComes) {
  BoundedCounters counters(metric::children, 4);
  std::mt19937 random(1);
  std::map<LabelValues, double> before;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    const LabelValues values{std::to_string(random() % 9), random() % 2 == 0 ? "exec" : "exit"};
    counters.add(values, 1, i);
    const auto now = values_of(counters);
    ASSERT_LE(now.size(), 4u + 2u);
    ASSERT_EQ(sum_of(now), static_cast<double>(i));
    for (const auto& [labels, value] : before)
      if (labels[0] == "other") {
        ASSERT_GE(now.at(labels), value);
      }
    before = now;
  }
  EXPECT_GT(counters.overflows(), 1000u);
}

TEST(BoundedGauges, RiseAndFallButNotBelowZero) {
  BoundedGauges gauges(metric::live_children, 2);
  gauges.lower({"never"}, 1);
  EXPECT_EQ(gauges.size(), 0u);
  gauges.raise({"a"}, 1);
  gauges.raise({"a"}, 1);
  EXPECT_EQ(gauges.value({"a"}), 2u);
  for (int i = 0; i < 3; ++i)
    gauges.lower({"a"}, 2);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"a"}, 0)));
}

TEST(BoundedGauges, TakeOutOfOthersWhatWasFolded) {
  BoundedGauges gauges(metric::live_children, 1);
  gauges.raise({"a"}, 1);
  gauges.raise({"a"}, 1);
  gauges.raise({"b"}, 2);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"b"}, 1), Pair(other, 2)));
  gauges.lower({"a"}, 3);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"b"}, 1), Pair(other, 1)));
  gauges.raise({"a"}, 4); // shown again, with what it had
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"a"}, 2), Pair(other, 1)));
  gauges.lower({"b"}, 5);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"a"}, 2), Pair(other, 0)));
  EXPECT_EQ(gauges.overflows(), 2u);
}

TEST(BoundedGauges, DropAZeroBeforeTheyFoldAnything) {
  BoundedGauges gauges(metric::live_children, 2);
  gauges.raise({"zero"}, 1);
  gauges.raise({"old"}, 1);
  gauges.lower({"zero"}, 9);
  gauges.raise({"new"}, 10);
  EXPECT_THAT(values_of(gauges),
              ElementsAre(Pair(LabelValues{"new"}, 1), Pair(LabelValues{"old"}, 1)));
  EXPECT_EQ(gauges.overflows(), 0u);
}

TEST(BoundedGauges, HaveOneSeriesOfAnExecutableThatIsCalledOther) {
  BoundedGauges gauges(metric::live_children, 1);
  gauges.raise(other, 1);
  gauges.raise({"a"}, 2);
  gauges.raise({"b"}, 3);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"b"}, 1), Pair(other, 2)));
  gauges.lower(other, 4);
  gauges.lower({"a"}, 4);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"b"}, 1), Pair(other, 0)));
}

TEST(BoundedGauges, AgeOutAtZeroAlone) {
  BoundedGauges gauges(metric::live_children, 2);
  gauges.raise({"alive"}, 1);
  gauges.raise({"gone"}, 1);
  gauges.lower({"gone"}, 2);
  gauges.age_out(2);
  EXPECT_EQ(gauges.size(), 2u);
  gauges.age_out(3);
  EXPECT_THAT(values_of(gauges), ElementsAre(Pair(LabelValues{"alive"}, 1)));
}

// The sum is that of what lives, and all is zero in the end.
TEST(BoundedGauges, AddUpWhateverComes) {
  BoundedGauges gauges(metric::live_children, 3);
  std::mt19937 random(1);
  std::vector<LabelValues> alive;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    if (alive.empty() || random() % 2 == 0) {
      alive.push_back({std::to_string(random() % 9)});
      gauges.raise(alive.back(), i);
    } else {
      std::swap(alive[random() % alive.size()], alive.back());
      gauges.lower(alive.back(), i);
      alive.pop_back();
    }
    ASSERT_LE(gauges.size(), 4u);
    ASSERT_EQ(sum_of(values_of(gauges)), static_cast<double>(alive.size()));
  }
  for (const LabelValues& values : alive)
    gauges.lower(values, 6000);
  EXPECT_EQ(sum_of(values_of(gauges)), 0);
}

} // namespace
} // namespace forkmon
