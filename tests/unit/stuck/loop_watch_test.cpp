// SPDX-License-Identifier: MIT
#include "stuck/loop_watch.h"

#include <gmock/gmock.h>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace forkmon {
namespace {

WaitState timed_wait(std::uint64_t word = 0x1000, std::uint64_t value = 2,
                     std::uint64_t sp = 0x10) {
  WaitState state;
  state.number = SYS_futex;
  state.arguments = {word, FUTEX_WAIT_PRIVATE, value, 0x7ffd0000};
  state.sp = sp;
  state.pc = 0x20;
  return state;
}

WaitState running() {
  WaitState state;
  state.running = true;
  return state;
}

WaitState sleeping() {
  WaitState state;
  state.number = SYS_clock_nanosleep;
  return state;
}

class LoopWatchTest : public testing::Test {
protected:
  bool see(const WaitState& state) { return watch_.see(state, Abi::native, ++now_ns_); }
  LoopWatch watch_;
  std::uint64_t now_ns_ = 0;
};

TEST_F(LoopWatchTest, RemembersSinceWhenNothingElseWasSeen) {
  EXPECT_TRUE(see(timed_wait()));
  EXPECT_TRUE(see(timed_wait()));
  EXPECT_TRUE(see(running()));
  EXPECT_TRUE(see(timed_wait()));
  ASSERT_TRUE(watch_.loop());
  EXPECT_EQ(watch_.loop()->since_ns, 1u);
  EXPECT_EQ(watch_.loop()->wait.address, 0x1000u);
  EXPECT_EQ(watch_.loop()->value, 2u);
}

TEST_F(LoopWatchTest, EndsWhereSomethingElseIsSeen) {
  for (const WaitState& other :
       {timed_wait(0x2000), timed_wait(0x1000, 3), timed_wait(0x1000, 2, 0x18), sleeping()}) {
    watch_.reset();
    see(timed_wait());
    EXPECT_FALSE(see(other));
    EXPECT_NE(watch_.loop() ? watch_.loop()->since_ns : 0, 1u);
  }
}

TEST_F(LoopWatchTest, EndsWhereItMostlyRuns) {
  see(timed_wait());
  EXPECT_TRUE(see(running()));
  EXPECT_FALSE(see(running()));
  EXPECT_FALSE(watch_.loop());
}

TEST_F(LoopWatchTest, IsNoLoopWithoutATimeout) {
  WaitState endless = timed_wait();
  endless.arguments[3] = 0;
  EXPECT_TRUE(see(endless));
  EXPECT_FALSE(watch_.loop());
}

TEST(TurnsOften, IsFalseForLongWaits) {
  constexpr std::uint64_t second = 1'000'000'000;
  EXPECT_TRUE(turns_often(300, 3 * second));
  EXPECT_TRUE(turns_often(10, 3 * second));
  EXPECT_FALSE(turns_often(9, second)) << "too little was seen";
  EXPECT_FALSE(turns_often(12, 12 * second)) << "a wait of a second, however long it goes on";
  EXPECT_FALSE(turns_often(0, 0));
}

} // namespace
} // namespace forkmon
