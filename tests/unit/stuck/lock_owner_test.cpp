// SPDX-License-Identifier: MIT
#include "stuck/lock_owner.h"

#include "process/proc.h"
#include "process/thread_lookup.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <thread>

namespace forkmon {
namespace {

std::uint64_t monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint32_t own_id() {
  return static_cast<std::uint32_t>(syscall(SYS_gettid));
}

/// A thread of this process that starts with it, and ends with it.
class LaterThread {
public:
  LaterThread() {
    while (id_ == 0)
      usleep(1000);
  }
  ~LaterThread() {
    ends_ = true;
    thread_.join();
  }
  std::uint32_t id() const { return id_; }

private:
  std::atomic<std::uint32_t> id_ = 0;
  std::atomic<bool> ends_ = false;
  std::thread thread_{[this] {
    id_ = own_id();
    while (!ends_)
      usleep(1000);
  }};
};

/// This process has a thread of its own, and a child that waits.
class LockOwnerTest : public testing::Test {
protected:
  LockOwnerTest() {
    child_ = fork();
    if (child_ == 0)
      for (;;)
        pause();
    waiter_.pid = waiter_.tid = child_;
    parent_.pid = getpid();
    parent_.start_ticks = read_stat(getpid())->start_time;
    parent_.fork_time_ns = monotonic_now();
  }
  ~LockOwnerTest() override {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  pid_t child_ = 0;
  LockWaiter waiter_;
  ParentAtFork parent_;
};

TEST_F(LockOwnerTest, IsAThreadOfTheParent) {
  const FoundOwner found = find_owner(own_id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::parent_thread);
  EXPECT_EQ(found.owner.tid, own_id());
  EXPECT_TRUE(found.owner.alive);
  EXPECT_FALSE(found.owner.comm.empty());
  EXPECT_FALSE(found.owner.is_forker);
}

TEST_F(LockOwnerTest, IsTheChildItself) {
  const FoundOwner found = find_owner(static_cast<std::uint32_t>(child_), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::self);
  EXPECT_TRUE(found.owner.is_self);
  EXPECT_TRUE(found.owner.alive);
}

TEST_F(LockOwnerTest, IsAnotherThreadOfTheChild) {
  waiter_.tid = child_ + 1; // as if it were another one that waits
  const FoundOwner found = find_owner(static_cast<std::uint32_t>(child_), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::child_thread);
  EXPECT_TRUE(found.owner.in_child);
}

TEST_F(LockOwnerTest, IsTheThreadThatForked) {
  parent_.forker_tid = static_cast<pid_t>(own_id());
  const FoundOwner found = find_owner(own_id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::parent_thread);
  EXPECT_TRUE(found.owner.is_forker);
}

TEST_F(LockOwnerTest, IsTheChildWhereACloneLeftItTheIdOfTheThreadThatCloned) {
  parent_.forker_tid = static_cast<pid_t>(own_id());
  parent_.is_clone = true;
  FoundOwner found = find_owner(own_id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::self);
  EXPECT_EQ(found.owner.tid, static_cast<std::uint32_t>(child_));
  waiter_.tid = child_ + 1;
  found = find_owner(own_id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::child_thread) << "its first thread may go on, and release it";
}

TEST_F(LockOwnerTest, IsNoThreadThatWasStartedAfterTheFork) {
  parent_.fork_time_ns -= std::min<std::uint64_t>(parent_.fork_time_ns, 20'000'000);
  const LaterThread later;
  const FoundOwner found = find_owner(later.id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::ended);
  EXPECT_FALSE(found.owner.alive);
  EXPECT_EQ(found.owner.comm, "");
}

TEST_F(LockOwnerTest, IsAThreadOfTheProcessThatTheParentWasForkedFrom) {
  parent_ = {child_, read_stat(child_)->start_time, monotonic_now(), 0, false};
  waiter_.pid = waiter_.tid = 1 << 21; // a child of child_, which is not looked at
  const FoundOwner found = find_owner(own_id(), waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::ancestor_thread);
  EXPECT_EQ(found.process, getpid());
  EXPECT_EQ(found.owner.tid, own_id());
  EXPECT_TRUE(found.owner.alive);
  EXPECT_FALSE(found.owner.is_forker);
  parent_.start_ticks++;
  EXPECT_EQ(find_owner(own_id(), waiter_, parent_).holder, Holder::ended) << "another's number";
}

TEST_F(LockOwnerTest, IsNoThreadThatAnAncestorStartedLater) {
  usleep(20'000); // two ticks
  const LaterThread later;
  parent_ = {child_, read_stat(child_)->start_time, monotonic_now(), 0, false};
  waiter_.pid = waiter_.tid = 1 << 21;
  EXPECT_EQ(find_owner(later.id(), waiter_, parent_).holder, Holder::ended);
}

TEST_F(LockOwnerTest, IsNobodyOfAProcessThatHasTheParentsNumber) {
  parent_.start_ticks++;
  EXPECT_EQ(find_owner(own_id(), waiter_, parent_).holder, Holder::ended);
  parent_.start_ticks = 0; // not known
  EXPECT_EQ(find_owner(own_id(), waiter_, parent_).holder, Holder::ended);
}

TEST_F(LockOwnerTest, HasEndedWhereThereIsNoSuchThread) {
  const FoundOwner found = find_owner(1U << 21U, waiter_, parent_);
  EXPECT_EQ(found.holder, Holder::ended);
  EXPECT_EQ(found.owner.tid, 1U << 21U);
  EXPECT_FALSE(found.owner.alive);
}

} // namespace
} // namespace forkmon
