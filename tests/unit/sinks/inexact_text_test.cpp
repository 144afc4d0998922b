// SPDX-License-Identifier: MIT
#include "sinks/inexact_text.h"

#include "sinks/samples.h"

#include <gmock/gmock.h>

#include <set>

namespace forkmon {
namespace {

ChildFinding inexact(InexactCause cause, std::string detail = "") {
  ChildFinding child = samples::child(Outcome::exit);
  child.exact = false;
  child.inexact = {cause, std::move(detail)};
  child.unresolved_hits = 12;
  return child;
}

TEST(InexactText, HasASentenceOfItsOwnForEachCause) {
  std::set<std::string> texts;
  const auto last = static_cast<int>(InexactCause::kernel_skipped);
  for (int cause = 1; cause <= last; ++cause)
    texts.insert(inexact_text(inexact(static_cast<InexactCause>(cause))));
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(last));
  EXPECT_FALSE(texts.contains(""));
  EXPECT_EQ(inexact_text(InexactCause::none), "");
}

TEST(InexactText, NamesTheLibrary) {
  EXPECT_EQ(inexact_text(inexact(InexactCause::library_unread, "/lib32/libc.so.6: a 32-bit file")),
            "a library that it has mapped could not be read: /lib32/libc.so.6: a 32-bit file");
}

TEST(InexactText, CountsTheHits) {
  EXPECT_EQ(inexact_text(inexact(InexactCause::unresolved_hits)),
            "12 hits of probes could not be matched to a library");
}

TEST(InexactText, TellsAliveFromLost) {
  ChildFinding child = inexact(InexactCause::end_lost);
  EXPECT_EQ(inexact_text(child), "the record of its end was lost");
  child.outcome = Outcome::alive;
  EXPECT_EQ(inexact_text(child), "it is still alive: its counts come with its end");
}

} // namespace
} // namespace forkmon
