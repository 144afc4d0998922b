// SPDX-License-Identifier: MIT
#include "correlate/fork_path.h"

#include "correlate/frames.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

using namespace frames;

const std::string python = "/usr/bin/python3.11";
const std::vector<Frame> none;

TEST(ForkPathOf, KnowsPythonByExecutableOrTraceback) {
  EXPECT_EQ(fork_path_of(python, none, none), ForkPath::python);
  EXPECT_EQ(fork_path_of("uwsgi-core", none, none), ForkPath::python);
  EXPECT_EQ(fork_path_of("/srv/embeds-it", none, os_fork()), ForkPath::python);
  EXPECT_EQ(fork_path_of("/usr/bin/server", none, none), ForkPath::native);
  EXPECT_EQ(fork_path_of("", none, none), ForkPath::native);
  EXPECT_EQ(fork_path_of("/opt/python3/bin/server", none, none), ForkPath::native);
}

TEST(ForkPathOf, TellsAPoolFromAnExecutorFromAProcess) {
  EXPECT_EQ(fork_path_of(python, none, in_pool()), ForkPath::pool);
  EXPECT_EQ(fork_path_of(python, none, in_executor()), ForkPath::executor);
  EXPECT_EQ(fork_path_of(python, none, in_process()), ForkPath::process);
}

TEST(ForkPathOf, TakesNoUserOfAPoolForItsWorker) {
  // A Process that waits for a pool of its own.
  auto waits = in_process();
  waits.insert(waits.begin(), {py("multiprocessing/pool.py", "Pool.map"), user("work")});
  EXPECT_EQ(fork_path_of(python, none, waits), ForkPath::process);
  // A Process that was started by a thread of a pool's parent.
  auto started = in_process();
  started.push_back(py("multiprocessing/pool.py", "worker"));
  EXPECT_EQ(fork_path_of(python, none, started), ForkPath::process);
  // A class of the user's that overrides run().
  std::vector<Frame> own_run{user("Worker.run"),
                             py("multiprocessing/process.py", "BaseProcess._bootstrap")};
  EXPECT_EQ(fork_path_of(python, none, own_run), ForkPath::process);
}

TEST(ForkPathOf, KnowsNamesOfOlderPythons) {
  const std::vector<Frame> pool{user("work"), py("multiprocessing/pool.py", "worker"),
                                py("multiprocessing/process.py", "run"),
                                py("multiprocessing/process.py", "_bootstrap")};
  EXPECT_EQ(fork_path_of(python, none, pool), ForkPath::pool);
}

TEST(ForkPathOf, KnowsPreexecFnByTracebackOrNativeFrames) {
  EXPECT_EQ(fork_path_of(python, none, in_preexec_fn()), ForkPath::preexec_fn);
  EXPECT_EQ(fork_path_of(python, native("do_fork_exec"), none), ForkPath::preexec_fn);
  EXPECT_EQ(fork_path_of(python, native("", "/lib-dynload/_posixsubprocess.so"), none),
            ForkPath::preexec_fn);
}

TEST(ForkPathOf, TakesTheInnermostFork) {
  auto in_worker = in_preexec_fn();
  const auto pool = in_pool();
  in_worker.insert(in_worker.end(), pool.begin(), pool.end());
  EXPECT_EQ(fork_path_of(python, none, in_worker), ForkPath::preexec_fn);
}

TEST(ForkPathOf, TakesNoNativeFrameForPythonInOtherPrograms) {
  EXPECT_EQ(fork_path_of("/usr/bin/server", native("do_fork_exec"), none), ForkPath::native);
}

TEST(ForkPathOf, BelievesNoFileThatOnlyEndsAlike) {
  const std::vector<Frame> own{user("work"),
                               {"worker", "", 0, "/srv/my_multiprocessing/pool.py:1"},
                               {"run", "", 0, "/srv/my_multiprocessing/process.py:1"}};
  EXPECT_EQ(fork_path_of(python, none, own), ForkPath::python);
}

} // namespace
} // namespace forkmon
