// SPDX-License-Identifier: MIT
#include "sinks/process_stats.h"

#include "util/fd.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <ctime>
#include <vector>

namespace forkmon {
namespace {

TEST(ProcessStats, CountsOpenFiles) {
  const double before = ProcessStats::read().open_fds;
  const Fd one(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd two(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(ProcessStats::read().open_fds, before + 2);
}

TEST(ProcessStats, MeasuresResidentMemory) {
  const double before = ProcessStats::read().resident_memory_bytes;
  const std::vector<char> memory(64 << 20, 1);
  EXPECT_GT(ProcessStats::read().resident_memory_bytes, before + (memory.size() / 2));
}

TEST(ProcessStats, MeasuresCpuTime) {
  const double before = ProcessStats::read().cpu_seconds;
  while (clock() < static_cast<clock_t>((before + 0.02) * CLOCKS_PER_SEC)) {
  }
  EXPECT_GE(ProcessStats::read().cpu_seconds, before + 0.01);
}

TEST(ProcessStats, KnowsWhenTheProcessStarted) {
  const ProcessStats stats = ProcessStats::read();
  const auto now = static_cast<double>(time(nullptr));
  EXPECT_LE(stats.start_time_seconds, now + 1);
  EXPECT_GE(stats.start_time_seconds, now - 600);
  EXPECT_EQ(stats.start_time_seconds, ProcessStats::read().start_time_seconds);
}

} // namespace
} // namespace forkmon
