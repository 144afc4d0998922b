// SPDX-License-Identifier: MIT
#include "sinks/wrapped_lines.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WrappedLines, BreakBetweenWords) {
  EXPECT_THAT(wrapped_lines("", 10), IsEmpty());
  EXPECT_THAT(wrapped_lines("one two", 10), ElementsAre("one two"));
  EXPECT_THAT(wrapped_lines("one two three four", 10), ElementsAre("one two", "three four"));
  EXPECT_THAT(wrapped_lines("one two three four", 7), ElementsAre("one two", "three", "four"));
}

TEST(WrappedLines, GiveAWordThatIsTooLongALineOfItsOwn) {
  EXPECT_THAT(wrapped_lines("a 0123456789abc b", 5), ElementsAre("a", "0123456789abc", "b"));
  EXPECT_THAT(wrapped_lines("0123456789abc", 5), ElementsAre("0123456789abc"));
}

TEST(WrappedLines, ArePrintable) {
  EXPECT_THAT(wrapped_lines("a\nb\x1b", 20), ElementsAre("a\\x0ab\\x1b"));
}

} // namespace
} // namespace forkmon
