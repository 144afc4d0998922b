// SPDX-License-Identifier: MIT
#include "sensors/memory_users.h"

#include <gmock/gmock.h>

#include <vector>

namespace forkmon {
namespace {

fm_task_memory task(std::uint64_t mm, std::uint32_t tgid, std::uint32_t tid, std::uint32_t users) {
  return {mm, tgid, tid, users, 0};
}

MemoryUse use_of(pid_t pid, const std::vector<fm_task_memory>& tasks) {
  MemoryCensus census(std::span(&pid, 1));
  for (const auto& one : tasks)
    census.find(one);
  for (const auto& one : tasks)
    census.count(one);
  return census.result().at(pid);
}

TEST(MemoryCensus, KnowsAProcessThatIsAlone) {
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 1), task(2, 20, 20, 1)}), MemoryUse::alone);
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 2), task(1, 10, 11, 2)}), MemoryUse::alone);
}

TEST(MemoryCensus, SeesAnotherProcessWhereverItComesFrom) {
  EXPECT_EQ(use_of(10, {task(1, 5, 5, 2), task(1, 10, 10, 2)}), MemoryUse::shared);
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 2), task(1, 99, 99, 2)}), MemoryUse::shared);
}

TEST(MemoryCensus, DoesNotKnowWhereSomebodyWasNotSeen) {
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 2)}), MemoryUse::unknown);
  EXPECT_EQ(use_of(10, {task(2, 20, 20, 1)}), MemoryUse::unknown) << "it is gone";
  EXPECT_EQ(use_of(10, {}), MemoryUse::unknown);
}

TEST(MemoryCensus, DoesNotKnowWhereTheNumberChangedMeanwhile) {
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 3), task(1, 10, 11, 2)}), MemoryUse::unknown);
  EXPECT_EQ(use_of(10, {task(1, 10, 10, 1), task(3, 10, 10, 1)}), MemoryUse::unknown)
      << "it called exec";
}

} // namespace
} // namespace forkmon
