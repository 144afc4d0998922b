// SPDX-License-Identifier: MIT
#include "util/lossy_output.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace forkmon {
namespace {

struct Ends {
  Fd reader, writer;
};

Ends make_pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

Ends make_socket() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

LossyOutput output_on(Ends& ends, std::size_t max_waiting_bytes) {
  return LossyOutput(*Output::on(ends.writer.get(), "output"), max_waiting_bytes);
}

/// What is there to read now.
std::string read_some(const Fd& reader) {
  fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = read(reader.get(), buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  return text;
}

std::string line(int number) {
  return std::to_string(1000000 + number) + std::string(992, '.') + "\n";
}

/// Nobody reads until 2,000 lines of 1,000 bytes are written; then all that was kept is read.
void check_slow_reader(Ends ends) {
  LossyOutput output = output_on(ends, 100'000);
  for (int i = 0; i < 2000; i++)
    ASSERT_TRUE(output.write(line(i)));
  EXPECT_TRUE(output.is_waiting());
  EXPECT_GT(output.losses().buffer_full, 1000u);
  std::string got;
  while (output.is_waiting()) {
    got += read_some(ends.reader);
    output.flush();
  }
  got += read_some(ends.reader);
  ASSERT_EQ(got.size() % 1000, 0u);
  const int kept = static_cast<int>(got.size() / 1000);
  EXPECT_EQ(kept + static_cast<int>(output.losses().buffer_full), 2000);
  for (int i = 0; i < kept; i++) // whole lines, in order, the first ones
    ASSERT_EQ(got.substr(static_cast<std::size_t>(i) * 1000, 1000), line(i));
  ASSERT_TRUE(output.write(line(3)));
  EXPECT_EQ(read_some(ends.reader), line(3));
}

TEST(LossyOutput, NeverWaitsForTheReaderOfAPipe) {
  check_slow_reader(make_pipe());
}

TEST(LossyOutput, NeverWaitsForTheReaderOfASocket) {
  check_slow_reader(make_socket());
}

TEST(LossyOutput, LeavesTheFileStatusFlagsAlone) {
  Ends ends = make_pipe();
  LossyOutput output = output_on(ends, 1000);
  (void)output.write("a\n");
  EXPECT_EQ(fcntl(ends.writer.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(LossyOutput, CountsWhatAReaderThatIsGoneDoesNotTake) {
  std::signal(SIGPIPE, SIG_IGN);
  for (auto make : {make_pipe, make_socket}) {
    Ends ends = make();
    LossyOutput output = output_on(ends, 1000);
    ends.reader.reset();
    EXPECT_TRUE(output.write("a\nb\n"));
    EXPECT_TRUE(output.write("c\n"));
    EXPECT_EQ(output.losses().write_error, 3u);
    ASSERT_TRUE(output.error());
    EXPECT_EQ(output.error()->code, EPIPE);
    EXPECT_FALSE(output.is_waiting());
  }
}

class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

private:
  rlimit before_{};
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LossyOutput, GoesOnWithWholeLinesWhenADiskIsNoLongerFull) {
  const std::string path = testing::TempDir() + "forkmon_lossy." + std::to_string(getpid());
  LossyOutput output(*Output::open(path, Output::Opening::appending));
  {
    const FileSizeLimit full(10);
    EXPECT_TRUE(output.write("12345\n"));
    EXPECT_TRUE(output.write("67890\n")); // four bytes of it fit
    EXPECT_TRUE(output.write("abcde\n"));
  }
  EXPECT_EQ(output.losses().write_error, 2u);
  EXPECT_TRUE(output.write("fghij\n"));
  EXPECT_FALSE(output.error());
  EXPECT_EQ(contents(path), "12345\n6789\nfghij\n");
  std::filesystem::remove(path);
}

TEST(LossyOutput, TakesWhatWaitsToTheNextOutput) {
  Ends slow = make_pipe();
  Ends next = make_pipe();
  LossyOutput output = output_on(slow, 100'000);
  for (int i = 0; i < 100; i++)
    (void)output.write(line(i));
  ASSERT_TRUE(output.is_waiting());
  output.replace(*Output::on(next.writer.get(), "next"));
  const std::string old = read_some(slow.reader);
  const std::string fresh = read_some(next.reader);
  EXPECT_EQ(fresh.size() % 1000, 0u);
  const std::uint64_t torn = old.size() % 1000 != 0;
  EXPECT_EQ(old.size() / 1000 + fresh.size() / 1000 + torn, 100u);
  EXPECT_EQ(output.losses().total(), torn);
}

TEST(LossyOutput, DoesNotWaitForTheReaderOfANamedPipe) {
  const std::string path = testing::TempDir() + "forkmon_fifo." + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  auto output = Output::open(path, Output::Opening::appending);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ENXIO);
  std::filesystem::remove(path);
}

} // namespace
} // namespace forkmon
