// SPDX-License-Identifier: MIT
#include "process/wait_state.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>

#include <string>

namespace forkmon {
namespace {

std::string syscall_line(long number, const std::string& op, const std::string& timeout = "0x0") {
  return std::to_string(number) + " 0x7f01 " + op + " 0x2 " + timeout + " 0x0 0x0 0x7ffd 0x7f99\n";
}

std::optional<FutexWait> futex(const std::string& op, const std::string& timeout = "0x0") {
  return endless_futex_wait(*parse_wait_state(syscall_line(SYS_futex, op, timeout)));
}

TEST(ParseWaitState, ReadsASystemCall) {
  auto state = parse_wait_state(syscall_line(202, "0x80"));
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->running);
  EXPECT_EQ(state->number, 202);
  EXPECT_THAT(state->arguments, testing::ElementsAre(0x7f01, 0x80, 2, 0, 0, 0));
  EXPECT_EQ(state->sp, 0x7ffdu);
  EXPECT_EQ(state->pc, 0x7f99u);
}

TEST(ParseWaitState, KnowsRunningAndWaitingOutsideOfACall) {
  EXPECT_TRUE(parse_wait_state("running\n")->running);
  auto state = parse_wait_state("-1 0x10 0x20\n");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->number, -1);
  EXPECT_EQ(state->sp, 0x10u);
}

TEST(ParseWaitState, RefusesWhatMakesNoSense) {
  for (const char* text : {"", "\n", "x", "202", "202 0x1 0x2", "202 1 2 3 4 5 6 7 8", "-1 0x1",
                           "202 0xg 0x0 0x0 0x0 0x0 0x0 0x0 0x0", "99999999999999999999 0x0"})
    EXPECT_FALSE(parse_wait_state(text)) << text;
}

TEST(EndlessFutexWait, IsWaitOrWaitBitsetWithoutTimeout) {
  EXPECT_TRUE(futex("0x80")->is_private);  // FUTEX_WAIT | PRIVATE: a mutex
  EXPECT_TRUE(futex("0x189")->is_private); // FUTEX_WAIT_BITSET | PRIVATE | CLOCK_REALTIME: sem_t
  EXPECT_FALSE(futex("0x0")->is_private);  // shared between processes
  EXPECT_FALSE(futex("0x109")->is_private);
  EXPECT_EQ(futex("0x80")->address, 0x7f01u);
}

TEST(EndlessFutexWait, KnowsPriorityInheritance) {
  EXPECT_TRUE(futex("0x86")->is_pi);
  EXPECT_TRUE(futex("0x8d")->is_pi);
  EXPECT_FALSE(futex("0x80")->is_pi);
}

TEST(EndlessFutexWait, IsNoWake_NoTimedWait_NoOtherCall) {
  EXPECT_FALSE(futex("0x81"));
  EXPECT_FALSE(futex("0x80", "0x7ffd1234"));
  EXPECT_FALSE(endless_futex_wait(*parse_wait_state(syscall_line(SYS_read, "0x80"))));
  EXPECT_FALSE(endless_futex_wait(*parse_wait_state("running")));
}

TEST(WaitsForInput, IsTrueForReadAndEpollOnly) {
  EXPECT_TRUE(waits_for_input(*parse_wait_state(syscall_line(SYS_read, "0x0"))));
  EXPECT_TRUE(waits_for_input(*parse_wait_state(syscall_line(SYS_epoll_pwait, "0x0"))));
  EXPECT_FALSE(waits_for_input(*parse_wait_state(syscall_line(SYS_futex, "0x80"))));
  EXPECT_FALSE(waits_for_input(*parse_wait_state("running")));
}

TEST(ReadDescriptor, IsTheFirstArgumentOfRead) {
  EXPECT_EQ(read_descriptor(*parse_wait_state(syscall_line(SYS_read, "0x0"))), 0x7f01);
  EXPECT_FALSE(read_descriptor(*parse_wait_state(syscall_line(SYS_write, "0x0"))));
}

TEST(EndlessFutexWait, KnowsRequeueing) {
  EXPECT_TRUE(futex("0x8b")->may_become_pi);
  EXPECT_FALSE(futex("0x80")->may_become_pi);
}

WaitState call(long number, std::array<std::uint64_t, 6> arguments) {
  WaitState state;
  state.number = number;
  state.arguments = arguments;
  return state;
}

TEST(EndlessFutexWait, KnowsFutexWaitOfLinux67) {
  const auto wait = endless_futex_wait(call(455, {0x7f01, 2, 0xffffffff, 128 | 2, 0, 0}));
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->address, 0x7f01u);
  EXPECT_TRUE(wait->is_private);
  EXPECT_FALSE(endless_futex_wait(call(455, {0x7f01, 2, 0xffffffff, 2, 0, 0}))->is_private);
  EXPECT_FALSE(endless_futex_wait(call(455, {0x7f01, 2, 0xffffffff, 2, 0x7ffd, 1})));
}

TEST(EndlessFutexVector, IsFutexWaitvWithoutTimeout) {
  const auto vector = endless_futex_vector(call(449, {0x7f01, 3, 0, 0, 0, 0}));
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->address, 0x7f01u);
  EXPECT_EQ(vector->count, 3u);
  EXPECT_FALSE(endless_futex_vector(call(449, {0x7f01, 3, 0, 0x7ffd, 1, 0})));
  EXPECT_FALSE(endless_futex_vector(call(449, {0x7f01, 0, 0, 0, 0, 0})));
  EXPECT_FALSE(endless_futex_vector(call(449, {0x7f01, 129, 0, 0, 0, 0})));
  EXPECT_FALSE(endless_futex_vector(call(SYS_futex, {0x7f01, 3, 0, 0, 0, 0})));
}

TEST(TimedFutexWait, IsTheOneWithATimeout) {
  EXPECT_TRUE(timed_futex_wait(call(SYS_futex, {0x7f01, 0x80, 2, 0x7ffd, 0, 0})));
  EXPECT_FALSE(timed_futex_wait(call(SYS_futex, {0x7f01, 0x80, 2, 0, 0, 0})));
  EXPECT_FALSE(timed_futex_wait(call(SYS_futex, {0x7f01, 0x81, 2, 0x7ffd, 0, 0})));
}

TEST(CompatCalls, HaveNumbersOfTheirOwn) {
  const auto wait = call(240, {0x8001000, 0x80, 2, 0, 0, 0});
  EXPECT_TRUE(endless_futex_wait(wait, Abi::compat)->is_private);
  EXPECT_FALSE(endless_futex_wait(wait, Abi::native));
  EXPECT_TRUE(endless_futex_wait(call(422, {0x8001000, 0x80, 2, 0, 0, 0}), Abi::compat));
  EXPECT_FALSE(endless_futex_wait(call(0, {0x8001000, 0x80, 2, 0, 0, 0}), Abi::compat))
      << "restart_syscall: it has a timeout";
  EXPECT_FALSE(read_descriptor(call(0, {3, 0, 0, 0, 0, 0}), Abi::compat));
  EXPECT_EQ(read_descriptor(call(3, {5, 0, 0, 0, 0, 0}), Abi::compat), 5);
  EXPECT_TRUE(waits_for_input(call(168, {0xffffd000, 1, 50, 0, 0, 0}), Abi::compat));
}

#if defined(__x86_64__)
TEST(X32Calls, AreMarkedByABit) {
  EXPECT_TRUE(endless_futex_wait(call(0x40000000 | 202, {0x8001000, 0x80, 2, 0, 0, 0})));
}
#endif

TEST(MayBe32Bit, IsByTheAddresses) {
  WaitState state;
  state.sp = 0xffffd000;
  state.pc = 0xf7fd0000;
  EXPECT_TRUE(may_be_32_bit(state));
  state.sp = 0x7ffd00000000;
  EXPECT_FALSE(may_be_32_bit(state));
}

TEST(WaitsForInput, KnowsTheYoungerCalls) {
  for (long number : {441L /* epoll_pwait2 */, 426L /* io_uring_enter */, long{SYS_recvmmsg},
                      long{SYS_ppoll}, long{SYS_pselect6}, long{SYS_accept4}})
    EXPECT_TRUE(waits_for_input(call(number, {3, 1, 0, 0, 0, 0}))) << number;
}

TEST(WaitsForInput, IsFalseWithoutDescriptors) {
  const std::array<std::uint64_t, 6> poll_nothing{0, 0, 50, 0, 0, 0};
  const std::array<std::uint64_t, 6> select_nothing{0, 0x7f01, 0x7f02, 0, 0x7f03, 0};
  EXPECT_FALSE(waits_for_input(call(SYS_ppoll, poll_nothing)));
  EXPECT_FALSE(waits_for_input(call(SYS_pselect6, select_nothing)));
  EXPECT_FALSE(waits_for_input(call(168, poll_nothing), Abi::compat));
  EXPECT_FALSE(waits_for_input(call(142, select_nothing), Abi::compat));
#ifdef SYS_poll
  EXPECT_FALSE(waits_for_input(call(SYS_poll, poll_nothing)));
  EXPECT_FALSE(waits_for_input(call(SYS_select, select_nothing)));
#endif
}

TEST(IsNap, IsTrueWhereOnlyTimePasses) {
  for (long number : {long{SYS_sched_yield}, long{SYS_nanosleep}, long{SYS_clock_nanosleep}})
    EXPECT_TRUE(is_nap(call(number, {}))) << number;
  EXPECT_TRUE(is_nap(call(SYS_ppoll, {0, 0, 50, 0, 0, 0})));
  EXPECT_FALSE(is_nap(call(SYS_ppoll, {0x7f01, 1, 50, 0, 0, 0})));
  EXPECT_FALSE(is_nap(call(SYS_pselect6, {4, 0x7f02, 0, 0, 0, 0})));
  EXPECT_FALSE(is_nap(call(SYS_futex, {})));
  EXPECT_TRUE(is_nap(call(158, {}), Abi::compat));
}

TEST(ReadDescriptor, KnowsReadv) {
  EXPECT_EQ(read_descriptor(call(SYS_readv, {7, 0, 0, 0, 0, 0})), 7);
}

} // namespace
} // namespace forkmon
