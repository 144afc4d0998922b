// SPDX-License-Identifier: MIT
/// The kernel's monotonic time, told to people.
#pragma once

#include <cstdint>
#include <string>

namespace forkmon {

/// Turns CLOCK_MONOTONIC, in which events are stamped, into wall clock time.
/// The distance of the two clocks is fixed once, so that later steps of the wall clock cannot put
/// events out of order.
class WallClock {
public:
  /// With the distance as it is now.
  static WallClock now();
  /// CLOCK_REALTIME - CLOCK_MONOTONIC.
  explicit WallClock(std::int64_t offset_ns) : offset_ns_(offset_ns) {}

  /// UTC with nanoseconds: "2026-03-04T05:06:07.000000089Z".
  std::string rfc3339(std::uint64_t monotonic_ns) const;
  /// In the local time zone: "05:06:07.123".
  std::string local_time(std::uint64_t monotonic_ns) const;

private:
  struct Moment {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
  };
  Moment wall(std::uint64_t monotonic_ns) const;

  std::int64_t offset_ns_;
};

/// Seconds since the epoch, as metrics have them.
double seconds_since_epoch();

/// CLOCK_MONOTONIC now.
std::uint64_t monotonic_now_ns();

/// At most 8 columns or so, cut and not rounded: "340 µs", "1.2 ms", "17 s", "2 min 5 s",
/// "3 h 20 min", "8 d 2 h".
std::string human_duration(std::uint64_t microseconds);

} // namespace forkmon
