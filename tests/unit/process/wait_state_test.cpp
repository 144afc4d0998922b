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

} // namespace
} // namespace forkmon
