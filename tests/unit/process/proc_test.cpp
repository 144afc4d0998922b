// SPDX-License-Identifier: MIT
#include "process/proc.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace forkmon {
namespace {

std::string stat_line(const std::string& comm, const std::string& flags = "4194304") {
  return "42 (" + comm + ") S 7 42 42 0 -1 " + flags + " 1 2 3 4 5 6 7 8 20 0 3 0 9876 11 12\n";
}

TEST(ParseStat, ReadsTheFieldsInUse) {
  auto stat = parse_stat(stat_line("python3"));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->comm, "python3");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->ppid, 7);
  EXPECT_EQ(stat->threads, 3u);
  EXPECT_EQ(stat->start_time, 9876u);
  EXPECT_FALSE(stat->is_kernel_thread);
  EXPECT_FALSE(stat->forked_no_exec);
}

TEST(ParseStat, TakesACommThatLooksLikeTheRest) {
  auto stat = parse_stat(stat_line("a) R 1 2\n(b"));
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "a) R 1 2\n(b");
  EXPECT_EQ(stat->ppid, 7);
}

TEST(ParseStat, KnowsKernelThreadsAndForksWithoutExec) {
  EXPECT_TRUE(parse_stat(stat_line("kthreadd", std::to_string(0x00200000)))->is_kernel_thread);
  EXPECT_TRUE(parse_stat(stat_line("worker", std::to_string(0x40)))->forked_no_exec);
}

TEST(ParseStat, KnowsWorkersOfTheKernelAndEndingThreads) {
  EXPECT_TRUE(parse_stat(stat_line("iou-wrk", std::to_string(0x10)))->is_worker);
  EXPECT_TRUE(parse_stat(stat_line("vhost-7", std::to_string(0x4000)))->is_worker);
  EXPECT_TRUE(parse_stat(stat_line("thread", std::to_string(0x4)))->is_exiting);
  EXPECT_FALSE(parse_stat(stat_line("thread"))->is_worker);
  EXPECT_FALSE(parse_stat(stat_line("thread"))->is_exiting);
}

TEST(ParseStat, ReadsWhereTheMemoryMapStands) {
  auto stat =
      parse_stat("42 (c) S 7 42 42 0 -1 64 1 2 3 4 5 6 7 8 20 0 3 0 9876 11 12 13 14 15 16");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->start_code, 14u);
  EXPECT_EQ(stat->end_code, 15u);
  EXPECT_EQ(stat->start_stack, 16u);
}

TEST(ProcStat, OfAZombieHasEndedUnlessOtherThreadsLive) {
  ProcStat stat;
  stat.state = 'Z';
  stat.threads = 1;
  EXPECT_TRUE(stat.has_ended());
  stat.threads = 2;
  EXPECT_FALSE(stat.has_ended());
}

TEST(RunningThreads, CountsThreadsOfTheProgram) {
  EXPECT_EQ(running_threads(*read_stat(getpid())), 1u);
  std::thread other([] { usleep(200'000); });
  EXPECT_EQ(running_threads(*read_stat(getpid())), 2u);
  other.join();
}

TEST(ParseStat, RefusesWhatIsNoStat) {
  for (const char* text : {"", "42", "42 (comm", "42 comm) S", ")(", "42 (comm) S 1 2"})
    EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(ReadStat, IsOfTheProcessAsked) {
  auto self = read_stat(getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->pid, getpid());
  EXPECT_EQ(self->ppid, getppid());
  EXPECT_FALSE(read_stat(0));
}

TEST(ThreadsOf, IsEmptyForAProcessThatHasEnded) {
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  waitpid(child, nullptr, 0);
  EXPECT_THAT(threads_of(child), testing::IsEmpty());
  EXPECT_THAT(threads_of(getpid()), testing::Contains(getpid()));
}

TEST(ReadFile, StopsAtTheLimit) {
  auto text = read_file("/dev/zero", 100);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->size(), 100u);
}

TEST(ReadFile, NamesWhatItCannotOpen) {
  auto text = read_file("/nonexistent/file");
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, testing::HasSubstr("/nonexistent/file"));
  EXPECT_EQ(text.error().code, ENOENT);
}

TEST(ReadExecutable, AgreesWithResolvingThePath) {
  auto running = read_executable(getpid());
  ASSERT_TRUE(running);
  auto resolved = resolve_executable(running->path);
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->path, running->path);
  EXPECT_EQ(resolved->file, running->file);
}

TEST(ResolveExecutable, RefusesARelativePath) {
  EXPECT_FALSE(resolve_executable("."));
  EXPECT_FALSE(resolve_executable(""));
}

TEST(ParseCgroup, PrefersVersion2AndThenSystemds) {
  EXPECT_EQ(parse_cgroup("0::/user.slice\n"), "/user.slice");
  EXPECT_EQ(parse_cgroup("5:cpu:/a\n1:name=systemd:/b\n0::/\n"), "/b");
  EXPECT_EQ(parse_cgroup("5:cpu:/a\n4:memory:/c\n"), "/a");
  EXPECT_EQ(parse_cgroup(""), "");
  EXPECT_EQ(parse_cgroup("nonsense"), "");
}

TEST(ParseCgroup, PrefersTheHierarchyThatNamesAContainer) {
  const std::string path = "/docker/" + std::string(64, 'a');
  EXPECT_EQ(parse_cgroup("1:name=systemd:" + path + "\n0::/system.slice/containerd.service\n"),
            path);
  EXPECT_EQ(parse_cgroup("4:memory:" + path + "\n1:name=systemd:/b\n0::/c\n"), path);
}

TEST(ExecutableFiles, TakesExecutableFilesOnce) {
  auto files = executable_files(
      AddressSpace::parse("1000-2000 r--p 00000000 fe:10 77 /lib/a b.so\n"
                          "2000-3000 r-xp 00001000 fe:10 77                 /lib/a b.so\n"
                          "4000-5000 r-xp 00000000 fe:10 77 /lib/a b.so\n"
                          "6000-7000 rwxp 00000000 00:00 0 [heap]\n"
                          "7000-8000 r-xp 00000000 00:1f 9 /gone (deleted)\n"));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].file, (FileId{0xfeU << 20U | 0x10U, 77}));
  EXPECT_EQ(files[0].path, "/lib/a b.so");
  EXPECT_EQ(files[0].start, 0x2000u);
  EXPECT_EQ(files[1].path, "/gone (deleted)");
}

TEST(ExecutableFiles, PassesOverLinesThatMakeNoSense) {
  EXPECT_THAT(executable_files(AddressSpace::parse("\n-\nx-y r-xp 0 a:b 1 /c\n1000-2000 r-xp\n")),
              testing::IsEmpty());
}

TEST(ShareMemory, IsFalseForForkAndTrueForClonedMemory) {
  EXPECT_FALSE(share_memory(getpid(), getppid()));
  pid_t child = vfork(); // the child runs while we wait, and looks at both of us
  if (child == 0)
    _exit(share_memory(getpid(), getppid()) ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

} // namespace
} // namespace forkmon
