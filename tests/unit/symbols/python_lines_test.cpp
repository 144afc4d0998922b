// SPDX-License-Identifier: MIT
#include "symbols/python_lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace forkmon {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Lines = PythonLayout::Lines;

TEST(PythonLines, Lnotab) {
  const Bytes table{0, 1, 6, 1, 8, 0xff}; // line 11 at 0, 12 at 6, 11 at 14
  EXPECT_EQ(python_line(Lines::lnotab, table, 10, 0), 11);
  EXPECT_EQ(python_line(Lines::lnotab, table, 10, 6), 12);
  EXPECT_EQ(python_line(Lines::lnotab, table, 10, 13), 12);
  EXPECT_EQ(python_line(Lines::lnotab, table, 10, 14), 11);
}

TEST(PythonLines, Linetable) {
  const Bytes table{6, 1, 4, 0x80, 8, 2}; // 11 up to 6, none up to 10, 13 up to 18
  EXPECT_EQ(python_line(Lines::linetable, table, 10, 0), 11);
  EXPECT_EQ(python_line(Lines::linetable, table, 10, 8), 0);
  EXPECT_EQ(python_line(Lines::linetable, table, 10, 10), 13);
  EXPECT_EQ(python_line(Lines::linetable, table, 10, 18), 0);
}

TEST(PythonLines, Locations) {
  const Bytes table{0x80 | 11 << 3 | 1, 0,    5,             // one line further, two units
                    0x80 | 15 << 3 | 0,                      // no line, one unit
                    0x80 | 0 << 3 | 0,  0x12,                // same line, one unit
                    0x80 | 14 << 3 | 0, 0x43, 0x01, 0, 0, 0, // 33 lines back
                    0x80 | 13 << 3 | 7, 0x04};               // two lines further, eight units
  EXPECT_EQ(python_line(Lines::locations, table, 10, 0), 11);
  EXPECT_EQ(python_line(Lines::locations, table, 10, 3), 11);
  EXPECT_EQ(python_line(Lines::locations, table, 10, 4), 0);
  EXPECT_EQ(python_line(Lines::locations, table, 10, 6), 11);
  EXPECT_EQ(python_line(Lines::locations, table, 50, 8), 18);
  EXPECT_EQ(python_line(Lines::locations, table, 50, 10), 20);
  EXPECT_EQ(python_line(Lines::locations, table, 50, 26), 0);
}

TEST(PythonLines, GarbageIsNoLineAtWorst) {
  const Bytes garbage(1000, 0xff);
  for (const auto lines : {Lines::lnotab, Lines::linetable, Lines::locations}) {
    EXPECT_LE(python_line(lines, garbage, 1, 1 << 30), 1);
    EXPECT_LE(python_line(lines, {}, 1, 0), 1);
  }
  const Bytes cut{0x80 | 14 << 3};
  EXPECT_EQ(python_line(Lines::locations, cut, 7, 0), 7);
}

} // namespace
} // namespace forkmon
