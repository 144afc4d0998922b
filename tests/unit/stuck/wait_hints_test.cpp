// SPDX-License-Identifier: MIT
#include "stuck/wait_hints.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace forkmon {
namespace {

Frame python(const std::string& function, const std::string& source) {
  Frame frame;
  frame.function = function;
  frame.source = source;
  return frame;
}

Frame native(const std::string& function) {
  Frame frame;
  frame.function = function;
  return frame;
}

PythonWait wait_in(const std::string& function, const std::string& source) {
  return python_wait_of(std::vector{python(function, source), python("main", "/srv/app.py:3")});
}

TEST(PythonWaitOf, TellsAnEventFromALock) {
  const std::string lib = "/usr/lib/python3.11/";
  EXPECT_EQ(python_wait_of({}), PythonWait::none);
  EXPECT_EQ(wait_in("wait", lib + "threading.py:320"), PythonWait::event);
  EXPECT_EQ(wait_in("Condition.wait", "/opt/py/lib/python3.13/threading.py:359"),
            PythonWait::event);
  EXPECT_EQ(wait_in("__enter__", lib + "threading.py:264"), PythonWait::mutex);
  EXPECT_EQ(wait_in("acquire", lib + "logging/__init__.py:917"), PythonWait::mutex);
  EXPECT_EQ(wait_in("_find_and_load", "<frozen importlib._bootstrap>:1170"), PythonWait::mutex);
  EXPECT_EQ(wait_in("_worker", lib + "concurrent/futures/thread.py:81"), PythonWait::event);
}

TEST(PythonWaitOf, TakesInstalledAndOwnCodeForTheProgram) {
  EXPECT_EQ(wait_in("take", "/srv/app.py:12"), PythonWait::plain_lock);
  EXPECT_EQ(wait_in("take", "/usr/lib/python3.11/site-packages/x/y.py:1"), PythonWait::plain_lock);
  EXPECT_EQ(wait_in("take", "/usr/lib/python3/dist-packages/x.py:1"), PythonWait::plain_lock);
  EXPECT_EQ(wait_in("wait", "/srv/mythreading.py:1"), PythonWait::plain_lock);
}

TEST(PythonWaitOf, TakesALockThatWithEntersForAMutex) {
  const std::vector frames{python("take", "/srv/app.py:12")};
  EXPECT_EQ(python_wait_of(frames, true), PythonWait::mutex);
  EXPECT_EQ(python_wait_of(frames, false), PythonWait::plain_lock);
}

TEST(NamesSpinLock, KnowsGperftoolsAndAbseil) {
  EXPECT_TRUE(
      names_spin_lock(std::vector{native("syscall"), native("base::internal::SpinLockDelay")}));
  EXPECT_TRUE(names_spin_lock(std::vector{native("AbslInternalSpinLockDelay_lts_20220623")}));
  EXPECT_TRUE(names_spin_lock(std::vector{native("SpinLock::SlowLock()")}));
  EXPECT_FALSE(names_spin_lock(std::vector{native("syscall"), native("main")}));
  EXPECT_FALSE(names_spin_lock({}));
}

TEST(IsMeantToEnd, KnowsWaitsWithTimeouts) {
  for (const char* name :
       {"pthread_cond_clockwait", "__pthread_cond_timedwait64", "sem_clockwait",
        "std::condition_variable::wait_for", "std::sync::condvar::Condvar::wait_timeout",
        "std::thread::park_timeout", "absl::CondVar::WaitWithTimeout", "runtime.futexsleep"})
    EXPECT_TRUE(is_meant_to_end(std::vector{native("syscall"), native(name)})) << name;
  for (const char* name : {"pthread_mutex_timedlock", "main", "lock_slow"})
    EXPECT_FALSE(is_meant_to_end(std::vector{native("syscall"), native(name)})) << name;
}

TEST(HandlersOf, AreThoseThatTheProgramCaughtAndDoesNotBlock) {
  auto bit = [](unsigned signal) { return 1ULL << (signal - 1); };
  ThreadStatus status;
  status.caught = bit(15) | bit(10) | bit(11) | bit(7) | bit(6) | bit(32) | bit(33) | bit(34);
  EXPECT_EQ(handlers_of(status, false), bit(15) | bit(10) | bit(34));
  EXPECT_EQ(handlers_of(status, true), bit(15) | bit(10)) << "musl keeps 34 for itself";
  status.blocked = bit(15);
  EXPECT_EQ(handlers_of(status, true), bit(10));
}

} // namespace
} // namespace forkmon
