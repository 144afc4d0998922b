// SPDX-License-Identifier: MIT
#include "util/time.h"

#include <fmt/format.h>

#include <ctime>

namespace forkmon {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * second_ns + time.tv_nsec;
}

// One decimal below 10, none above.
std::string scaled(std::uint64_t value, std::uint64_t unit, const char* name) {
  if (value >= 10 * unit)
    return fmt::format("{} {}", value / unit, name);
  return fmt::format("{}.{} {}", value / unit, value % unit * 10 / unit, name);
}

} // namespace

WallClock WallClock::now() {
  return WallClock(read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC));
}

WallClock::Moment WallClock::wall(std::uint64_t monotonic_ns) const {
  // Unsigned, because a made-up time may overflow.
  const auto wall_ns =
      static_cast<std::int64_t>(monotonic_ns + static_cast<std::uint64_t>(offset_ns_));
  Moment moment{wall_ns / second_ns, 0};
  std::int64_t rest = wall_ns % second_ns;
  if (rest < 0) {
    rest += second_ns;
    --moment.seconds;
  }
  moment.nanoseconds = static_cast<std::uint32_t>(rest);
  return moment;
}

std::string WallClock::rfc3339(std::uint64_t monotonic_ns) const {
  const Moment moment = wall(monotonic_ns);
  const time_t seconds = moment.seconds;
  tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     moment.nanoseconds);
}

std::string WallClock::local_time(std::uint64_t monotonic_ns) const {
  const Moment moment = wall(monotonic_ns);
  const time_t seconds = moment.seconds;
  tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                     moment.nanoseconds / 1'000'000);
}

double seconds_since_epoch() {
  return static_cast<double>(read_clock(CLOCK_REALTIME)) / second_ns;
}

std::uint64_t monotonic_now_ns() {
  return static_cast<std::uint64_t>(read_clock(CLOCK_MONOTONIC));
}

std::string human_duration(std::uint64_t microseconds) {
  constexpr std::uint64_t second = 1'000'000;
  constexpr std::uint64_t minute = 60 * second;
  constexpr std::uint64_t hour = 60 * minute;
  constexpr std::uint64_t day = 24 * hour;
  if (microseconds < 1'000)
    return fmt::format("{} µs", microseconds);
  if (microseconds < second)
    return scaled(microseconds, 1'000, "ms");
  if (microseconds < minute)
    return scaled(microseconds, second, "s");
  if (microseconds < hour)
    return fmt::format("{} min {} s", microseconds / minute, microseconds % minute / second);
  if (microseconds < day)
    return fmt::format("{} h {} min", microseconds / hour, microseconds % hour / minute);
  return fmt::format("{} d {} h", microseconds / day, microseconds % day / hour);
}

} // namespace forkmon
