// SPDX-License-Identifier: MIT
#include "stuck/own_pipe.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace forkmon {
namespace {

namespace fs = std::filesystem;

/// A made-up /proc, whose descriptors are links and whose fdinfo says how they are open.
class OwnPipeTest : public testing::Test {
protected:
  OwnPipeTest()
      : root_(fs::temp_directory_path() / ("own_pipe_test." + std::to_string(getpid()))) {}
  ~OwnPipeTest() override { fs::remove_all(root_); }

  void open(pid_t pid, int fd, const std::string& target, bool for_writing) {
    const fs::path process = root_ / std::to_string(pid);
    fs::create_directories(process / "fd");
    fs::create_directories(process / "fdinfo");
    fs::create_symlink(target, process / "fd" / std::to_string(fd));
    std::ofstream(process / "fdinfo" / std::to_string(fd))
        << "pos:\t0\nflags:\t" << (for_writing ? "0100001" : "0100000") << "\n";
  }
  void open_both(pid_t pid, const std::string& pipe) {
    open(pid, 3, pipe, false);
    open(pid, 4, pipe, true);
  }
  std::set<pid_t> alone(std::vector<PipeReader> readers, const PipeLimits& limits = {}) {
    return readers_of_own_pipes(readers, limits, root_.native());
  }

  fs::path root_;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(OwnPipeTest, FindsAProcessThatReadsFromItself) {
  open_both(10, "pipe:[1]");
  open(1, 5, "pipe:[2]", true);
  EXPECT_THAT(alone({{10, 1, 3}}), ElementsAre(10));
}

TEST_F(OwnPipeTest, LeavesOutWhereSomebodyElseWrites) {
  open_both(10, "pipe:[1]");
  open(1, 5, "pipe:[1]", true);
  EXPECT_THAT(alone({{10, 1, 3}}), IsEmpty());
  EXPECT_THAT(alone({{10, 99, 3}}), IsEmpty()) << "who is not its parent counts as well";
}

TEST_F(OwnPipeTest, DoesNotMindWhoOnlyReads) {
  open_both(10, "pipe:[1]");
  open(1, 5, "pipe:[1]", false);
  EXPECT_THAT(alone({{10, 1, 3}}), ElementsAre(10));
}

TEST_F(OwnPipeTest, LeavesOutWhatTheReaderCannotWriteTo) {
  open(10, 3, "pipe:[1]", false);
  open(11, 3, "socket:[1]", false);
  EXPECT_THAT(alone({{10, 1, 3}, {11, 1, 3}, {12, 1, 3}}), IsEmpty());
}

TEST_F(OwnPipeTest, LooksAtAllReadersInOnePass) {
  open_both(10, "pipe:[1]");
  open_both(11, "pipe:[2]");
  open_both(12, "pipe:[3]");
  open_both(13, "pipe:[3]"); // each may wake the other
  EXPECT_THAT(alone({{10, 1, 3}, {11, 1, 3}, {12, 1, 3}, {13, 1, 3}}), ElementsAre(10, 11));
}

TEST_F(OwnPipeTest, SaysNothingPastItsLimits) {
  open_both(10, "pipe:[1]");
  for (int i = 0; i < 8; i++)
    open(20 + i, 3, "pipe:[9]", true);
  EXPECT_THAT(alone({{10, 1, 3}}, {.processes = 4, .descriptors = 100}), IsEmpty());
  EXPECT_THAT(alone({{10, 1, 3}}, {.processes = 100, .descriptors = 6}), IsEmpty());
  EXPECT_THAT(alone({{10, 1, 3}}, {.processes = 100, .descriptors = 100}), ElementsAre(10));
}

} // namespace
} // namespace forkmon
