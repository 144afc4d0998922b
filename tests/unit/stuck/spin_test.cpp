// SPDX-License-Identifier: MIT
#include "stuck/spin.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

/// Goes round a loop of `places` instructions; `counts`: a register is another one each time.
std::vector<IpSample> samples(std::size_t number, std::size_t places, bool counts) {
  std::vector<IpSample> result;
  for (std::size_t i = 0; i < number; i++)
    result.push_back({0x1000 + i % places, {7, counts ? i : 1, 9}});
  return result;
}

SpinLookup lookup(std::vector<std::uint8_t> code = {}, std::string function = "") {
  return {[code](std::uint64_t, std::size_t) { return code; },
          [function](std::uint64_t) { return function; }};
}

TEST(IsSpin, IsALoopThatChangesNothing) {
  EXPECT_TRUE(is_spin(samples(50, 3, false), lookup()));
}

TEST(IsSpin, IsNoLoopThatCountsOrMoves) {
  EXPECT_FALSE(is_spin(samples(50, 3, true), lookup()));
  EXPECT_FALSE(is_spin(samples(50, 1, true), lookup({0xf3, 0xa4})));
}

TEST(IsSpin, NeedsSamplesThatRepeat) {
  EXPECT_FALSE(is_spin(samples(49, 3, false), lookup()));
  EXPECT_FALSE(is_spin(samples(50, 40, false), lookup())) << "work, all over the place";
}

TEST(IsSpin, BelievesALoopThatSaysSo) {
#if defined(__x86_64__)
  EXPECT_TRUE(is_spin(samples(50, 3, true), lookup({0x90, 0xf3, 0x90, 0x90})));
  EXPECT_FALSE(is_spin(samples(50, 3, true), lookup({0xf3, 0x0f, 0x90})));
#endif
  EXPECT_TRUE(is_spin(samples(50, 3, true), lookup({}, "__sched_yield")));
}

TEST(IsSpin, BelievesNoLoopWithoutRegisters) {
  auto without = samples(50, 1, false);
  for (IpSample& sample : without)
    sample.registers.clear();
  EXPECT_FALSE(is_spin(without, lookup()));
}

} // namespace
} // namespace forkmon
