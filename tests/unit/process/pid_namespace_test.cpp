// SPDX-License-Identifier: MIT
#include "process/pid_namespace.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace forkmon {
namespace {

TEST(OwnPidNamespace, IsThatOfThisProcess) {
  struct stat info {};
  ASSERT_EQ(stat("/proc/self/ns/pid", &info), 0);
  auto own = own_pid_namespace();
  ASSERT_TRUE(own);
  EXPECT_EQ(own->inode, info.st_ino);
  EXPECT_TRUE(is_inhabited(*own));
}

TEST(OwnPidNamespace, IsNotToldWhereProcShowsAnother) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0)
      _exit(77); // needs root
    const pid_t first_inside = fork();
    if (first_inside == 0)
      _exit(own_pid_namespace() ? 1 : 0);
    int status = 0;
    waitpid(first_inside, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "a pid namespace cannot be made: run as root";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Inhabited, IsNoNamespaceThatNobodyIsIn) {
  EXPECT_FALSE(is_inhabited({1}));
}

TEST(PidNamespace, OfTheHostIsTheFirst) {
  EXPECT_TRUE(PidNamespace{4026531836}.sees_whole_host());
  EXPECT_FALSE(PidNamespace{4026532179}.sees_whole_host());
}

} // namespace
} // namespace forkmon
