// SPDX-License-Identifier: MIT
#include "process/address_space.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace forkmon {
namespace {

TEST(AddressSpace, ParsesALineOfTheKernel) {
  const auto space = AddressSpace::parse(
      "7f00a000-7f00c000 r-xp 00001000 fd:01 1234                       /usr/lib/libx.so.1\n", 42);
  ASSERT_EQ(space.mappings().size(), 1U);
  const Mapping& mapping = space.mappings()[0];
  EXPECT_EQ(mapping.start, 0x7f00a000U);
  EXPECT_EQ(mapping.end, 0x7f00c000U);
  EXPECT_EQ(mapping.file_offset, 0x1000U);
  EXPECT_EQ(mapping.dev, makedev(0xfd, 1));
  EXPECT_EQ(mapping.inode, 1234U);
  EXPECT_TRUE(mapping.readable);
  EXPECT_FALSE(mapping.writable);
  EXPECT_TRUE(mapping.executable);
  EXPECT_EQ(mapping.path, "/usr/lib/libx.so.1");
  EXPECT_EQ(space.pid(), 42);
}

TEST(AddressSpace, ParsesMemoryWithoutAFile) {
  const auto space = AddressSpace::parse("1000-2000 rw-p 00000000 00:00 0 \n"
                                         "3000-4000 rw-p 00000000 00:00 0\n"
                                         "5000-6000 rw-p 00000000 00:00 0    [stack]\n");
  ASSERT_EQ(space.mappings().size(), 3U);
  EXPECT_EQ(space.mappings()[0].path, "");
  EXPECT_EQ(space.mappings()[1].path, "");
  EXPECT_EQ(space.mappings()[2].path, "[stack]");
}

TEST(AddressSpace, UnescapesNewlinesAndKeepsSpaces) {
  const auto space =
      AddressSpace::parse("1000-2000 r-xp 00000000 08:01 7      /tmp/a b\\012c (deleted)\n");
  ASSERT_EQ(space.mappings().size(), 1U);
  EXPECT_EQ(space.mappings()[0].path, "/tmp/a b\nc (deleted)");
}

TEST(AddressSpace, LeavesGarbageOut) {
  const auto space = AddressSpace::parse(
      "garbage\n\n1000\n1000-\n1000-2000\n1000-2000 r\n1000-2000 r-xp 0 zz:00 1 /x\n"
      "2000-1000 r-xp 00000000 08:01 7 /backwards\n"
      "fffffffffffffffffffff-1 r-xp 00000000 08:01 7 /overflow\n"
      "1000-2000 r-xp 00000000 08:01 7 /" +
      std::string(5000, 'a') + "\n" + "4000-5000 r-xp 00000000 08:01 7 /good");
  ASSERT_EQ(space.mappings().size(), 1U);
  EXPECT_EQ(space.mappings()[0].path, "/good");
}

TEST(AddressSpace, TakesNoMoreThan65536Lines) {
  std::string text;
  for (unsigned i = 0; i < 70000; ++i)
    text += "1000-2000 r-xp 00000000 08:01 7 /x\n";
  EXPECT_EQ(AddressSpace::parse(text).mappings().size(), 65536U);
}

TEST(AddressSpace, FindsByAddress) {
  const auto space = AddressSpace::parse("3000-4000 r--p 0 00:00 0 [b]\n"
                                         "1000-2000 r--p 0 00:00 0 [a]\n");
  EXPECT_EQ(space.find(0xfff), nullptr);
  ASSERT_NE(space.find(0x1000), nullptr);
  EXPECT_EQ(space.find(0x1000)->path, "[a]");
  EXPECT_EQ(space.find(0x2000), nullptr);
  ASSERT_NE(space.find(0x3fff), nullptr);
  EXPECT_EQ(space.find(0x3fff)->path, "[b]");
  EXPECT_EQ(space.find(~std::uint64_t{0}), nullptr);
}

TEST(AddressSpace, ReadsALiveProcess) {
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space) << space.error().message;
  const auto* mapping = space->find(reinterpret_cast<std::uint64_t>(&getpid));
  ASSERT_NE(mapping, nullptr);
  EXPECT_TRUE(mapping->executable);
  // AddressSanitizer may keep variables elsewhere.
  const auto* stack = space->find(reinterpret_cast<std::uint64_t>(__builtin_frame_address(0)));
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->path, "[stack]");
}

TEST(AddressSpace, OfAProcessThatIsGoneIsAnError) {
  const auto space = AddressSpace::of(0x7ffffff0);
  ASSERT_FALSE(space);
  EXPECT_THAT(space.error().message, testing::HasSubstr("/maps"));
}

} // namespace
} // namespace forkmon
