// SPDX-License-Identifier: MIT
#include "stuck/proc_dir.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace forkmon {
namespace {

namespace fs = std::filesystem;

constexpr const char* status_text = "Name:\tx\nState:\tS (sleeping)\nTgid:\t7\nTracerPid:\t9\n"
                                    "SigBlk:\t0000000000000400\nSigIgn:\t0000000000000000\n"
                                    "SigCgt:\t0000000000004002\n"
                                    "voluntary_ctxt_switches:\t12\n"
                                    "nonvoluntary_ctxt_switches:\t30\n";

std::string stat_text(unsigned flags = 0x40, char state = 'S') {
  return std::string("7 (a b) ") + state + " 1 7 7 0 -1 " + std::to_string(flags) +
         " 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n";
}

TEST(ParseThreadStatus, ReadsWhatTheJudgeNeeds) {
  auto status = parse_thread_status(status_text, stat_text());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->state, 'S');
  EXPECT_EQ(status->tracer, 9);
  EXPECT_EQ(status->switches, 42u);
  EXPECT_EQ(status->caught, 0x4002u);
  EXPECT_EQ(status->blocked, 0x400u);
  EXPECT_FALSE(status->is_worker);
}

TEST(ParseThreadStatus, KnowsWorkersOfTheKernel) {
  EXPECT_TRUE(parse_thread_status(status_text, stat_text(0x10))->is_worker);
  EXPECT_TRUE(parse_thread_status(status_text, stat_text(0x4000))->is_worker);
}

TEST(ParseThreadStatus, RefusesWhatIsNotWhole) {
  EXPECT_FALSE(parse_thread_status("", stat_text()));
  EXPECT_FALSE(parse_thread_status(status_text, ""));
  std::string text = status_text;
  text.erase(text.find("SigCgt"));
  EXPECT_FALSE(parse_thread_status(text, stat_text())) << "it fails closed";
}

/// A made-up /proc/PID.
class ProcDirTest : public testing::Test {
protected:
  ProcDirTest() : root_(fs::temp_directory_path() / ("proc_dir_test." + std::to_string(getpid()))) {
    write("syscall", "running\n");
    write("task/7/syscall", "202 0x1000 0x80 0x2 0x0 0x0 0x0 0x7ffd 0x7f99\n");
    write("task/7/status", status_text);
    write("task/7/stat", stat_text());
    write("task/7/wchan", "futex_do_wait");
    write("task/8/wchan", "0");
  }
  ~ProcDirTest() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }

  fs::path root_;
};

TEST_F(ProcDirTest, ReadsThreads) {
  auto proc = ProcDir::open(root_.native());
  ASSERT_TRUE(proc);
  EXPECT_TRUE(proc->first_wait_state()->running);
  EXPECT_THAT(proc->threads(10), testing::UnorderedElementsAre(7, 8));
  EXPECT_THAT(proc->threads(1), testing::SizeIs(1));
  EXPECT_EQ(proc->wait_state(7)->number, 202);
  EXPECT_FALSE(proc->wait_state(8));
  EXPECT_EQ(proc->status(7)->switches, 42u);
  EXPECT_EQ(proc->sleeps(7), 12u);
  EXPECT_FALSE(proc->status(8));
  EXPECT_EQ(proc->wait_channel(7), "futex_do_wait");
  EXPECT_EQ(proc->wait_channel(8), "") << "the kernel does not tell";
}

TEST(ProcDir, CountsTheThreadsOfALiveProcess) {
  auto proc = ProcDir::open("/proc/self");
  ASSERT_TRUE(proc);
  EXPECT_EQ(proc->thread_count(), 1u);
  EXPECT_FALSE(ProcDir::open("/proc/0"));
}

} // namespace
} // namespace forkmon
