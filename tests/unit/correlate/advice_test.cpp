// SPDX-License-Identifier: MIT
#include "correlate/advice.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(FixFor, HasOneForEachWayToFork) {
  for (ForkPath path : {ForkPath::process, ForkPath::pool, ForkPath::executor})
    EXPECT_THAT(fix_for(path), HasSubstr("set_start_method(\"forkserver\")"));
  EXPECT_THAT(fix_for(ForkPath::preexec_fn), HasSubstr("start_new_session, process_group"));
  EXPECT_THAT(fix_for(ForkPath::python), HasSubstr("subprocess without preexec_fn"));
  EXPECT_THAT(fix_for(ForkPath::native),
              AllOf(HasSubstr("posix_spawn"), HasSubstr("fork before the first thread starts"),
                    Not(HasSubstr("Python"))));
}

TEST(AdviceForCall, AddsTheFixForPython) {
  EXPECT_EQ(advice_for_call("Use _exit.", ForkPath::native), "Use _exit.");
  EXPECT_THAT(advice_for_call("Use _exit.", ForkPath::process),
              testing::StartsWith("Use _exit. In Python, start workers by spawn or forkserver"));
  EXPECT_THAT(advice_for_call("", ForkPath::preexec_fn),
              testing::StartsWith("In Python, do without preexec_fn"));
  EXPECT_EQ(advice_for_call("", ForkPath::native), "");
}

} // namespace
} // namespace forkmon
