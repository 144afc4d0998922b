// SPDX-License-Identifier: MIT
#include "util/text.h"

#include <gtest/gtest.h>

#include <string>

namespace forkmon {
namespace {

TEST(ForTerminal, LeavesPrintableTextAlone) {
  EXPECT_EQ(for_terminal("python3 -m größe 名前 ×5"), "python3 -m größe 名前 ×5");
  EXPECT_EQ(for_terminal(""), "");
}

TEST(ForTerminal, ShowsControlCharactersAsEscapes) {
  EXPECT_EQ(for_terminal("a\n\"\x1b[31m\xff"), "a\\x0a\"\\x1b[31m\\xff");
  EXPECT_EQ(for_terminal(std::string_view("\0\x7f\r", 3)), "\\x00\\x7f\\x0d");
}

TEST(ForTerminal, ShowsC1ControlsAndFormatCharactersAsEscapes) {
  EXPECT_EQ(for_terminal("\u009b31m"), "\\u{9b}31m");
  EXPECT_EQ(for_terminal("a\u202eb"), "a\\u{202e}b");
  EXPECT_EQ(for_terminal("\u200b\u2066\ufeff\u2028"), "\\u{200b}\\u{2066}\\u{feff}\\u{2028}");
  EXPECT_EQ(for_terminal("e\u0301\U000e0041"), "e\\u{301}\\u{e0041}");
}

TEST(ForTerminal, ShowsEachByteOfInvalidUtf8) {
  EXPECT_EQ(for_terminal("\xc3"), "\\xc3");                            // cut short
  EXPECT_EQ(for_terminal("\xc0\xaf"), "\\xc0\\xaf");                   // overlong "/"
  EXPECT_EQ(for_terminal("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");          // overlong C1
  EXPECT_EQ(for_terminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");          // surrogate
  EXPECT_EQ(for_terminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); // above U+10FFFF
  EXPECT_EQ(for_terminal("\x9b"
                         "31m"),
            "\\x9b"
            "31m"); // a bare C1 byte
}

TEST(ForTerminal, CutsToColumnsAndNeverInsideACharacter) {
  EXPECT_EQ(for_terminal("abcdef", 6), "abcdef");
  EXPECT_EQ(for_terminal("abcdefg", 6), "abcde…");
  EXPECT_EQ(for_terminal("ab\nx", 5), "ab…");
  EXPECT_EQ(for_terminal("名前名前", 5), "名前…");
  EXPECT_EQ(for_terminal("名前名前", 4), "名…");
  EXPECT_EQ(for_terminal("abc", 1), "…");
  EXPECT_EQ(for_terminal("abc", 0), "");
}

TEST(Columns, AreExactlyAsWideAsAsked) {
  EXPECT_EQ(left_column("ab", 4), "ab  ");
  EXPECT_EQ(left_column("名", 4), "名  ");
  EXPECT_EQ(left_column("abcdef", 4), "abc…");
  EXPECT_EQ(right_column("340 µs", 8), "  340 µs");
  for (const char* text : {"", "abc", "名前名前名前", "\x1b\x1b\x1b\x1b", "×××××××××"})
    EXPECT_EQ(display_width(left_column(text, 7)), 7u) << text;
}

TEST(ValidUtf8, ReplacesWhatIsInvalidAndKeepsTheRest) {
  EXPECT_EQ(valid_utf8("a\nö\xff"), "a\nö\uFFFD");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");
}

TEST(ValidUtf8, CutsBetweenCharacters) {
  EXPECT_EQ(valid_utf8("aöb", 2), "a");
  EXPECT_EQ(valid_utf8("aöb", 3), "aö");
  EXPECT_EQ(valid_utf8(std::string(100000, '\xff')).size(), 4095u);
}

TEST(BaseName, IsWhatFollowsTheLastSlash) {
  EXPECT_EQ(base_name("/usr/lib/libc.so.6"), "libc.so.6");
  EXPECT_EQ(base_name("libc.so.6"), "libc.so.6");
  EXPECT_EQ(base_name("dir/"), "");
}

} // namespace
} // namespace forkmon
