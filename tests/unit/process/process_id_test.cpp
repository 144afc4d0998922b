// SPDX-License-Identifier: MIT
#include "process/process_id.h"

#include "process/proc.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace forkmon {
namespace {

/// A child that waits until it is killed.
class Process {
public:
  Process() : pid_(fork()) {
    if (pid_ == 0)
      for (;;)
        pause();
  }
  ~Process() { reap(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  ProcessId id() const { return {pid_, read_stat(pid_)->start_time}; }
  void become_zombie() {
    kill(pid_, SIGKILL);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void reap() {
    if (pid_ < 0)
      return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

private:
  pid_t pid_;
};

TEST(IsStill, IsTrueOfAProcessThatLives) {
  Process process;
  EXPECT_TRUE(is_still(process.id()));
}

TEST(IsStill, IsFalseOfAnotherProcessWithTheNumber) {
  Process process;
  ProcessId former = process.id();
  former.start_ticks--;
  EXPECT_FALSE(is_still(former));
}

TEST(IsStill, IsFalseWhereTheStartIsNotKnown) {
  EXPECT_FALSE(is_still({getpid(), 0}));
  EXPECT_FALSE(is_still({0, 1}));
}

TEST(IsStill, IsFalseOnceItIsAZombie) {
  Process process;
  const ProcessId id = process.id();
  process.become_zombie();
  EXPECT_FALSE(is_still(id));
  EXPECT_TRUE(exists(id));
  process.reap();
  EXPECT_FALSE(is_still(id));
  EXPECT_FALSE(exists(id));
}

TEST(ParentOf, IsAsAtTheFork) {
  ChildRef child;
  child.parent_pid = 7;
  child.parent_start_ticks = 1234;
  EXPECT_EQ(parent_of(child).pid, 7);
  EXPECT_EQ(parent_of(child).start_ticks, 1234u);
}

} // namespace
} // namespace forkmon
