// SPDX-License-Identifier: MIT
#include "correlate/advice.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace forkmon {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<Frame> none;
const std::string python = "/usr/bin/python3.11";

std::vector<Frame> native(std::string function, std::string module = "") {
  return {Frame{.function = std::move(function), .module = std::move(module), .source = ""}};
}

std::vector<Frame> traceback(std::string source) {
  return {Frame{.function = "f", .module = "", .source = "/srv/app.py:1"},
          Frame{.function = "g", .module = "", .source = std::move(source)}};
}

TEST(ForkPathOf, KnowsPythonByExecutableOrTraceback) {
  EXPECT_EQ(fork_path_of(python, none, none), ForkPath::python);
  EXPECT_EQ(fork_path_of("uwsgi-core", none, none), ForkPath::python);
  EXPECT_EQ(fork_path_of("/srv/embeds-it", none, traceback("/srv/app.py:7")), ForkPath::python);
  EXPECT_EQ(fork_path_of("/usr/bin/server", none, none), ForkPath::unknown);
  EXPECT_EQ(fork_path_of("", none, none), ForkPath::unknown);
  EXPECT_EQ(fork_path_of("/opt/python3/bin/server", none, none), ForkPath::unknown);
}

TEST(ForkPathOf, KnowsMultiprocessingByItsSourceFiles) {
  EXPECT_EQ(
      fork_path_of(python, none, traceback("/usr/lib/python3.11/multiprocessing/popen_fork.py:71")),
      ForkPath::multiprocessing);
}

TEST(ForkPathOf, KnowsPreexecFnByNativeFramesOrByTraceback) {
  EXPECT_EQ(fork_path_of(python, native("do_fork_exec"), none), ForkPath::preexec_fn);
  EXPECT_EQ(fork_path_of(python, native("", "/lib-dynload/_posixsubprocess.so"), none),
            ForkPath::preexec_fn);
  EXPECT_EQ(fork_path_of(python, none, traceback("/usr/lib/python3.11/subprocess.py:1828")),
            ForkPath::preexec_fn);
}

TEST(ForkPathOf, TakesNoNativeFrameForPythonInOtherPrograms) {
  EXPECT_EQ(fork_path_of("/usr/bin/server", native("do_fork_exec"), none), ForkPath::unknown);
}

TEST(AdviceForCall, AddsTheWayOutOfPython) {
  EXPECT_EQ(advice_for_call("Use _exit.", ForkPath::unknown), "Use _exit.");
  EXPECT_THAT(advice_for_call("Use _exit.", ForkPath::multiprocessing),
              testing::StartsWith("Use _exit. In Python, start workers by spawn or forkserver"));
  EXPECT_THAT(advice_for_call("", ForkPath::preexec_fn),
              testing::StartsWith("In Python, give up preexec_fn"));
  EXPECT_EQ(advice_for_call("", ForkPath::unknown), "");
}

TEST(AdviceForDeadlock, SaysWhoHoldsTheLock) {
  Lock lock{.kind = LockKind::mutex,
            .address = 1,
            .symbol = "",
            .owner = LockOwner{.tid = 7, .comm = "", .alive = true, .is_self = false}};
  EXPECT_THAT(advice_for_deadlock(lock, {}, ForkPath::unknown),
              testing::StartsWith("The lock is held by a thread of the parent, "));
  lock.owner->alive = false;
  EXPECT_THAT(advice_for_deadlock(lock, {}, ForkPath::unknown), HasSubstr("or has ended. "));
  lock.owner.reset();
  EXPECT_THAT(advice_for_deadlock(lock, {}, ForkPath::unknown),
              testing::StartsWith("Whoever held the lock at the fork is not in the child. "));
}

TEST(AdviceForDeadlock, FitsTheForkPath) {
  const auto advice = [](ForkPath path) { return advice_for_deadlock({}, {}, path); };
  EXPECT_THAT(advice(ForkPath::unknown), HasSubstr("posix_spawn"));
  EXPECT_THAT(advice(ForkPath::unknown), Not(HasSubstr("Python")));
  EXPECT_THAT(advice(ForkPath::python), HasSubstr("subprocess without preexec_fn"));
  EXPECT_THAT(advice(ForkPath::multiprocessing), HasSubstr("set_start_method(\"forkserver\")"));
  EXPECT_THAT(advice(ForkPath::preexec_fn), HasSubstr("start_new_session, process_group"));
  for (ForkPath path :
       {ForkPath::unknown, ForkPath::python, ForkPath::multiprocessing, ForkPath::preexec_fn})
    EXPECT_THAT(advice(path), testing::EndsWith(" To end the hang now, kill the child."));
}

TEST(AdviceForDeadlock, SaysWhatTheCatalogueSaysOfTheFunctionThatHangs) {
  const std::vector<Frame> in_setenv{
      {.function = "__lll_lock_wait_private", .module = "", .source = ""},
      {.function = "__add_to_environ", .module = "", .source = ""},
      {.function = "setenv", .module = "", .source = ""}};
  EXPECT_THAT(advice_for_deadlock({}, in_setenv, ForkPath::unknown),
              HasSubstr("Build the environment before fork"));
}

TEST(AdviceForDeadlock, NamesTheBuildOptionOfAnAllocator) {
  const std::vector<Frame> in_malloc{{.function = "pthread_mutex_lock", .module = "", .source = ""},
                                     {.function = "malloc", .module = "", .source = ""}};
  EXPECT_THAT(advice_for_deadlock({}, in_malloc, ForkPath::unknown), HasSubstr("pthread_atfork"));
}

} // namespace
} // namespace forkmon
