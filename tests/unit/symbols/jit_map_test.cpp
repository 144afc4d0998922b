// SPDX-License-Identifier: MIT
#include "symbols/jit_map.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

namespace forkmon {
namespace {

class JitMapTest : public testing::Test {
protected:
  void TearDown() override { unlink(path_.c_str()); }
  void write(const std::string& text) { std::ofstream(path_) << text; }

  std::string path_ = fmt::format("/tmp/perf-{}.map", getpid());
};

TEST_F(JitMapTest, FindsFunctions) {
  write("1000 10 first\n7f0000002000 20 js:*second function\n");
  const auto map = JitMap::of(getpid());
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->find(0x1000), "first");
  EXPECT_EQ(map->find(0x100f), "first");
  EXPECT_FALSE(map->find(0x1010));
  EXPECT_EQ(map->find(0x7f0000002001), "js:*second function");
  EXPECT_FALSE(map->find(0xfff));
}

TEST_F(JitMapTest, TheLatestOfTwoFunctionsAtOneAddressCounts) {
  write("1000 10 old\n1000 10 new\n");
  EXPECT_EQ(JitMap::of(getpid())->find(0x1005), "new");
}

TEST_F(JitMapTest, LeavesGarbageOut) {
  write("zzz\n\n1000\n1000 10\nfffffffffffffffffffff 10 overflow\n3000 8 good\n4000 8 unfinished");
  const auto map = JitMap::of(getpid());
  ASSERT_TRUE(map);
  EXPECT_EQ(map->find(0x3000), "good");
  EXPECT_FALSE(map->find(0x1000));
  EXPECT_FALSE(map->find(0x4000));
}

TEST_F(JitMapTest, CutsLongNames) {
  write("1000 8 " + std::string(10000, 'x') + "\n");
  EXPECT_EQ(JitMap::of(getpid())->find(0x1000)->size(), 512U);
}

TEST_F(JitMapTest, KnowsWhenTheFileHasChanged) {
  write("1000 8 first\n");
  const auto map = JitMap::of(getpid());
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->is_same_file(getpid()));
  write("1000 8 first\n2000 8 second\n");
  EXPECT_FALSE(map->is_same_file(getpid()));
}

TEST_F(JitMapTest, RefusesAFifoWithoutWaiting) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const auto map = JitMap::of(getpid());
  ASSERT_FALSE(map);
  EXPECT_THAT(map.error().message, testing::HasSubstr("not a regular file"));
}

TEST_F(JitMapTest, RefusesFilesOfOthersAndLargeOnes) {
  write("1000 8 planted\n");
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(JitMap::of(getpid()).error().message, testing::HasSubstr("another user"));
  ASSERT_EQ(chown(path_.c_str(), 0, 0), 0);
  ASSERT_EQ(truncate(path_.c_str(), (16 << 20) + 1), 0);
  EXPECT_THAT(JitMap::of(getpid()).error().message, testing::HasSubstr("16 MiB"));
}

TEST_F(JitMapTest, NoFileIsAnError) {
  EXPECT_FALSE(JitMap::of(getpid()));
  EXPECT_FALSE(JitMap::of(0x7ffffff0));
}

} // namespace
} // namespace forkmon
