// SPDX-License-Identifier: MIT
#include "util/output.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace forkmon {
namespace {

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  return text;
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      reader.reset(ends[0]);
      writer.reset(ends[1]);
    }
  }
  Fd reader, writer;
};

TEST(Output, WritesAFileAndEmptiesItFirst) {
  const std::string path = testing::TempDir() + "forkmon_output_test." + std::to_string(getpid());
  std::ofstream(path) << "old and longer";
  {
    auto output = Output::open(path);
    ASSERT_TRUE(output);
    EXPECT_TRUE(output->write("one\n"));
    EXPECT_TRUE(output->write("two\n"));
    EXPECT_FALSE(output->is_terminal());
  }
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "one\ntwo\n");
  std::filesystem::remove(path);
}

TEST(Output, SaysWhyAFileCannotBeOpened) {
  auto output = Output::open("/nonexistent/findings");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ENOENT);
  EXPECT_EQ(output.error().message,
            "cannot write to /nonexistent/findings: No such file or directory");
}

TEST(Output, ReportsAFullDisk) {
  auto output = Output::open("/dev/full");
  ASSERT_TRUE(output);
  const Status status = output->write("text");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ENOSPC);
}

TEST(Output, ReportsAClosedPipe) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  auto output = Output::on(pipe.writer.get(), "standard output");
  ASSERT_TRUE(output);
  pipe.reader.reset();
  const Status status = output->write("text");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EPIPE);
  EXPECT_EQ(status.error().message, "cannot write to standard output: Broken pipe");
}

TEST(Output, FinishesPartialWritesOfANonBlockingPipe) {
  Pipe pipe;
  fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
  const std::string text(1 << 20, 'x'); // more than a pipe holds
  std::string got;
  std::thread reader([&] { got = read_to_end(pipe.reader.get()); });
  {
    auto output = Output::on(pipe.writer.get(), "pipe");
    pipe.writer.reset();
    EXPECT_TRUE(output && output->write(text));
  }
  reader.join();
  EXPECT_EQ(got.size(), text.size());
}

TEST(Output, LeavesTheCallersDescriptorOpen) {
  Pipe pipe;
  { ASSERT_TRUE(Output::on(pipe.writer.get(), "pipe")); }
  EXPECT_NE(fcntl(pipe.writer.get(), F_GETFD), -1);
  EXPECT_FALSE(Output::on(-1, "nothing"));
}

} // namespace
} // namespace forkmon
