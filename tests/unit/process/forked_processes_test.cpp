// SPDX-License-Identifier: MIT
#include "process/forked_processes.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::ElementsAre;

ProcStat process(pid_t pid, pid_t ppid, std::uint64_t start, std::uint64_t stack = 0x7ffc0000) {
  ProcStat stat;
  stat.pid = pid;
  stat.ppid = ppid;
  stat.comm = "p" + std::to_string(pid);
  stat.threads = 3;
  stat.start_time = start;
  stat.start_code = 0x5500;
  stat.end_code = 0x5600;
  stat.start_stack = stack;
  return stat;
}

TEST(CanHaveForked, IsTrueOfTheSameMapStartedBefore) {
  EXPECT_TRUE(can_have_forked(process(10, 1, 100), process(20, 10, 100)));
  EXPECT_TRUE(can_have_forked(process(10, 1, 100), process(20, 10, 500)));
}

TEST(CanHaveForked, IsFalseOfAnotherProgramThatTookItOver) {
  EXPECT_FALSE(can_have_forked(process(1, 0, 1, 0x7ffd0000), process(20, 1, 500)));
  ProcStat other = process(1, 0, 1);
  other.start_code = 0x4000;
  EXPECT_FALSE(can_have_forked(other, process(20, 1, 500)));
  other = process(1, 0, 1);
  other.end_code = 0x9000;
  EXPECT_FALSE(can_have_forked(other, process(20, 1, 500)));
}

TEST(CanHaveForked, IsFalseOfAProcessThatCameLater) {
  EXPECT_FALSE(can_have_forked(process(10, 1, 501), process(20, 10, 500)));
}

TEST(CanHaveForked, IsFalseOfAProcessWhoseMapMayNotBeReadAsTheOthersMay) {
  EXPECT_FALSE(can_have_forked(process(1, 0, 1, 0), process(20, 1, 500)));
  EXPECT_TRUE(can_have_forked(process(10, 1, 100, 0), process(20, 10, 500, 0)));
}

TEST(CanHaveForked, GoesByTheStartWhereAFirstThreadHasEnded) {
  ProcStat leaderless = process(10, 1, 100, 0);
  leaderless.state = 'Z';
  EXPECT_TRUE(can_have_forked(leaderless, process(20, 10, 500)));
  leaderless.start_time = 501;
  EXPECT_FALSE(can_have_forked(leaderless, process(20, 10, 500)));
}

std::vector<pid_t> pids(const std::vector<ForkedProcess>& family) {
  std::vector<pid_t> result;
  for (const ForkedProcess& forked : family)
    result.push_back(forked.process.pid);
  return result;
}

ForkedProcess forked(pid_t pid, pid_t ppid) {
  return {process(pid, ppid, 500), process(ppid, 1, 100), 3, 2, false};
}

ForkedProcess orphaned(pid_t pid, pid_t ppid) {
  return {process(pid, ppid, 500), process(ppid, 1, 100), 0, 0, true};
}

TEST(FamilyOf, IsTheRootAndWhatItForked) {
  const std::vector<ForkedProcess> all{forked(30, 20), forked(20, 10), forked(10, 5),
                                       forked(40, 1)};
  EXPECT_THAT(pids(family_of(all, 10)), ElementsAre(30, 20, 10));
}

TEST(FamilyOf, LeavesOrphansOutThatTheRootTookOver) {
  const std::vector<ForkedProcess> all{orphaned(20, 10), forked(30, 10), forked(40, 20)};
  EXPECT_THAT(pids(family_of(all, 10)), ElementsAre(30));
  EXPECT_THAT(pids(family_of(all, 20)), ElementsAre(20, 40)) << "the orphan itself";
}

TEST(PastFork, NamesTheParent) {
  const ForkEvent fork = past_fork(forked(20, 10));
  EXPECT_EQ(fork.child.parent_pid, 10u);
  EXPECT_EQ(fork.child.parent_start_ticks, 100u);
  EXPECT_EQ(fork.child.parent_threads, 3u);
  EXPECT_EQ(fork.child.start_ticks, 500u);
  EXPECT_EQ(fork.parent_comm, "p10");
  EXPECT_FALSE(fork.parent_ended);
}

TEST(PastFork, OfAnOrphanNamesNobodyElse) {
  const ForkEvent fork = past_fork(orphaned(20, 1));
  EXPECT_TRUE(fork.parent_ended);
  EXPECT_EQ(fork.child.parent_pid, 0u);
  EXPECT_EQ(fork.child.parent_start_ticks, 0u);
  EXPECT_EQ(fork.child.parent_threads, 0u);
  EXPECT_EQ(fork.parent_comm, "p20");
}

} // namespace
} // namespace forkmon
