// SPDX-License-Identifier: MIT
#include "process/activity.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace forkmon {
namespace {

WaitState in_call(long number, std::uint64_t operation = 0) {
  WaitState wait;
  wait.number = number;
  wait.arguments[1] = operation;
  wait.pc = 0x7f0000001000;
  return wait;
}

Activity sleeping(const WaitState& wait, std::string_view target = "") {
  return activity_of('S', wait, target);
}

TEST(ActivityOf, GoesByTheStateFirst) {
  const WaitState wait = in_call(SYS_read);
  EXPECT_EQ(activity_of('R', wait, "pipe:[1]"), Activity::runs);
  EXPECT_EQ(activity_of('D', wait, "pipe:[1]"), Activity::is_blocked);
  EXPECT_EQ(activity_of('T', wait, "pipe:[1]"), Activity::is_stopped);
  EXPECT_EQ(activity_of('t', wait, "pipe:[1]"), Activity::is_traced);
  EXPECT_EQ(activity_of('S', std::nullopt, ""), Activity::unknown);
}

TEST(ActivityOf, SaysWhatIsRead) {
  EXPECT_EQ(sleeping(in_call(SYS_read), "pipe:[12]"), Activity::reads_pipe);
  EXPECT_EQ(sleeping(in_call(SYS_read), "socket:[12]"), Activity::reads_socket);
  EXPECT_EQ(sleeping(in_call(SYS_read), "anon_inode:[eventfd]"), Activity::waits_for_input);
  EXPECT_EQ(sleeping(in_call(SYS_read), "/dev/pts/1"), Activity::reads_file);
}

TEST(ActivityOf, TellsWaitsApart) {
  EXPECT_EQ(sleeping(in_call(SYS_futex, FUTEX_WAIT_PRIVATE)), Activity::waits_for_lock);
  EXPECT_EQ(sleeping(in_call(SYS_futex, FUTEX_WAIT)), Activity::waits_for_shared_lock);
  EXPECT_EQ(sleeping(in_call(SYS_epoll_pwait)), Activity::waits_for_input);
  EXPECT_EQ(sleeping(in_call(SYS_wait4)), Activity::waits_for_child);
  EXPECT_EQ(sleeping(in_call(SYS_rt_sigsuspend)), Activity::waits_for_signal);
  EXPECT_EQ(sleeping(in_call(SYS_clock_nanosleep)), Activity::sleeps);
  EXPECT_EQ(sleeping(in_call(SYS_msgrcv)), Activity::waits);
  WaitState narrow = in_call(SYS_read);
  narrow.pc = 0xf7000000;
  EXPECT_EQ(sleeping(narrow, "pipe:[12]"), Activity::waits) << "a 32-bit program has other numbers";
  WaitState running;
  running.running = true;
  EXPECT_EQ(sleeping(running), Activity::runs);
}

TEST(ActivityOf, ReadsAProcess) {
  auto own = read_stat(getpid());
  ASSERT_TRUE(own);
  EXPECT_EQ(activity_of(*own), Activity::runs);
}

} // namespace
} // namespace forkmon
