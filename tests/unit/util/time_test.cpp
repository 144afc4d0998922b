// SPDX-License-Identifier: MIT
#include "util/time.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace forkmon {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

TEST(WallClock, WritesNanosecondsInUtc) {
  const WallClock clock(1'772'600'767 * second_ns);
  EXPECT_EQ(clock.rfc3339(89), "2026-03-04T05:06:07.000000089Z");
  EXPECT_EQ(clock.rfc3339(second_ns + 123'456'789), "2026-03-04T05:06:08.123456789Z");
}

TEST(WallClock, RoundsTimesBefore1970Down) {
  EXPECT_EQ(WallClock(-1).rfc3339(0), "1969-12-31T23:59:59.999999999Z");
}

TEST(WallClock, SurvivesMadeUpTimes) {
  EXPECT_EQ(WallClock(second_ns).rfc3339(UINT64_MAX), "1970-01-01T00:00:00.999999999Z");
}

TEST(WallClock, ShowsLocalTimeToTheMillisecond) {
  setenv("TZ", "UTC-2", 1); // POSIX: two hours ahead of UTC
  tzset();
  EXPECT_EQ(WallClock(1'772'600'767 * second_ns).local_time(123'999'999), "07:06:07.123");
}

TEST(WallClock, NowAgreesWithTheSystem) {
  const std::string before = WallClock::now().rfc3339(monotonic_now_ns());
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  const WallClock system(time.tv_sec * second_ns + time.tv_nsec);
  EXPECT_LE(before, system.rfc3339(second_ns));
  EXPECT_LE(system.rfc3339(0), WallClock::now().rfc3339(monotonic_now_ns() + second_ns));
}

TEST(HumanDuration, PicksTheUnitThatReadsBest) {
  EXPECT_EQ(human_duration(0), "0 µs");
  EXPECT_EQ(human_duration(340), "340 µs");
  EXPECT_EQ(human_duration(1'299), "1.2 ms");
  EXPECT_EQ(human_duration(999'999), "999 ms");
  EXPECT_EQ(human_duration(1'250'000), "1.2 s");
  EXPECT_EQ(human_duration(59'999'999), "59 s");
  EXPECT_EQ(human_duration(125'000'000), "2 min 5 s");
  EXPECT_EQ(human_duration(12'000'000'000), "3 h 20 min");
  EXPECT_EQ(human_duration(700'000'000'000), "8 d 2 h");
}

} // namespace
} // namespace forkmon
