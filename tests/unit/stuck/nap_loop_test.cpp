// SPDX-License-Identifier: MIT
#include "stuck/nap_loop.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace forkmon {
namespace {

WaitState call(long number, std::uint64_t sp = 0x7f00) {
  WaitState state;
  state.number = number;
  state.sp = sp;
  state.pc = 0x1234;
  return state;
}

WaitState running() {
  WaitState state;
  state.running = true;
  return state;
}

TEST(NapWatch, SeesALoopOfNaps) {
  NapWatch watch;
  EXPECT_TRUE(watch.see(call(SYS_nanosleep), Abi::native, 5));
  EXPECT_TRUE(watch.see(running(), Abi::native, 6)) << "between two naps";
  EXPECT_TRUE(watch.see(call(SYS_nanosleep), Abi::native, 7));
  ASSERT_TRUE(watch.loop());
  EXPECT_EQ(watch.loop()->since_ns, 5u);
  EXPECT_EQ(watch.loop()->nap.pc, 0x1234u);
}

TEST(NapWatch, EndsWithAnythingElse) {
  for (const WaitState& other :
       {call(SYS_read), call(SYS_nanosleep, 0x7f08), call(SYS_clock_nanosleep)}) {
    NapWatch watch;
    watch.see(call(SYS_nanosleep), Abi::native, 5);
    EXPECT_FALSE(watch.see(other, Abi::native, 6));
    EXPECT_EQ(watch.loop().has_value(), is_nap(other));
  }
}

TEST(NapWatch, EndsWhereItRunsMoreThanItNaps) {
  NapWatch watch;
  watch.see(call(SYS_nanosleep), Abi::native, 5);
  EXPECT_TRUE(watch.see(running(), Abi::native, 6));
  EXPECT_FALSE(watch.see(running(), Abi::native, 7));
  EXPECT_FALSE(watch.loop());
}

TEST(NapWatch, LetsAnEventLoopBe) {
  NapWatch watch;
  WaitState poll = call(SYS_ppoll);
  poll.arguments[1] = 1;
  watch.see(poll, Abi::native, 5);
  EXPECT_FALSE(watch.loop());
}

std::vector<IpSample> calls(std::size_t number) {
  return {number, {0x1234, {7, 8}}};
}

TEST(IsSameNap, WhereAllCallsAreAlike) {
  const WaitState nap = call(SYS_nanosleep);
  EXPECT_TRUE(is_same_nap(calls(enough_calls), nap));
  EXPECT_FALSE(is_same_nap(calls(enough_calls - 1), nap)) << "it naps for long";
  auto counts = calls(enough_calls);
  counts.back().registers[1] = 9;
  EXPECT_FALSE(is_same_nap(counts, nap)) << "it counts";
  auto asks = calls(enough_calls);
  asks[7].ip = 0x5678;
  EXPECT_FALSE(is_same_nap(asks, nap)) << "it asks for something between the naps";
  auto unknown = calls(enough_calls);
  for (IpSample& sample : unknown)
    sample.registers.clear();
  EXPECT_FALSE(is_same_nap(unknown, nap));
}

} // namespace
} // namespace forkmon
