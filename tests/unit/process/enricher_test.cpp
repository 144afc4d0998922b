// SPDX-License-Identifier: MIT
#include "process/enricher.h"

#include <gtest/gtest.h>

#include <limits>

namespace forkmon {
namespace {

/// No process has this number (PID_MAX_LIMIT in the kernel's include/linux/threads.h is 2^22).
constexpr std::uint32_t ended = std::numeric_limits<std::int32_t>::max();

ExeEvent started(std::string path) {
  return {.exe_id = {.dev = 1, .inode = 7}, .pid = ended, .path = std::move(path)};
}

/// What an ended process forked, by the name that the kernel side sends.
std::string exe_of_fork(Enricher& enricher, std::string name) {
  ForkEvent fork;
  fork.exe_id = {.dev = 1, .inode = 7};
  fork.exe = std::move(name);
  fork.child.key = {ended, 1};
  fork.child.parent_pid = ended;
  enricher.enrich(fork);
  return fork.exe;
}

TEST(Enricher, NamesAProcessThatHasEndedAsItWasStarted) {
  Enricher enricher;
  enricher.learn(started("/in/another/root/program"));
  EXPECT_EQ(exe_of_fork(enricher, "program"), "/in/another/root/program");
}

TEST(Enricher, DoesNotTakeALinkForTheExecutable) {
  Enricher enricher;
  enricher.learn(started("/in/another/root/python3"));
  EXPECT_EQ(exe_of_fork(enricher, "python3.11"), "python3.11");
}

TEST(Enricher, DoesNotTakeARelativePathForOneOfItsOwn) {
  Enricher enricher;
  enricher.learn(started("bin/program"));
  EXPECT_EQ(exe_of_fork(enricher, "program"), "program");
}

} // namespace
} // namespace forkmon
