// SPDX-License-Identifier: MIT
#include "sensors/mapped_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <array>

namespace forkmon {
namespace {

constexpr const char* maps = "1000-2000 r--p 00000000 00:2a 77 /merged/libc.so.6\n"
                             "2000-3000 r-xp 00001000 00:2a 77 /merged/libc.so.6\n"
                             "4000-5000 r-xp 00000000 fe:10 5 /program\n"
                             "6000-7000 rw-p 00000000 00:00 0 [heap]\n"
                             "8000-9000 r-xp 00003000 00:2a 77 /merged/libc.so.6\n";

fm_mapping mapping(std::uint64_t start, std::uint64_t file_offset, FileId file) {
  return {start, start + 0x1000, file_offset, to_wire(file)};
}

constexpr FileId below{0xfe00010, 900, 0x1234};
constexpr FileId program{0xfe00010, 5, 0x5678};

TEST(WithPaths, HasTheKernelsIdentityAndTheShownPath) {
  const std::array mappings{mapping(0x2000, 0x1000, below), mapping(0x4000, 0, program),
                            mapping(0x8000, 0x3000, below)};
  auto files = with_paths(mappings, AddressSpace::parse(maps), false);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U) << "each once";
  EXPECT_EQ((*files)[0].file, below);
  EXPECT_EQ((*files)[0].path, "/merged/libc.so.6");
  EXPECT_EQ((*files)[0].device, makedev(0, 0x2a));
  EXPECT_EQ((*files)[0].start, 0x2000U);
  EXPECT_EQ((*files)[0].end, 0x3000U);
  EXPECT_EQ((*files)[1].file, program);
}

TEST(WithPaths, TellsFilesOfTwoSubvolumesApart) {
  const FileId changed{below.dev, below.inode, 0x9999};
  const std::array mappings{mapping(0x2000, 0x1000, below), mapping(0x8000, 0x3000, changed)};
  auto files = with_paths(mappings, AddressSpace::parse(maps), false);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->size(), 2U);
}

TEST(WithPaths, AsksForAnotherLookWhereTheMapHasChanged) {
  for (const fm_mapping& other :
       {mapping(0x5000, 0, below), mapping(0x2000, 0x2000, below), mapping(0x1000, 0, below),
        fm_mapping{0x2000, 0x2800, 0x1000, to_wire(below)}}) {
    const std::array mappings{mapping(0x4000, 0, program), other};
    EXPECT_FALSE(with_paths(mappings, AddressSpace::parse(maps), false));
    auto last = with_paths(mappings, AddressSpace::parse(maps), true);
    ASSERT_TRUE(last);
    ASSERT_EQ(last->size(), 1U);
    EXPECT_EQ((*last)[0].file, program);
  }
}

} // namespace
} // namespace forkmon
