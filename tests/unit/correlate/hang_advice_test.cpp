// SPDX-License-Identifier: MIT
#include "correlate/hang_advice.h"

#include "correlate/frames.h"
#include "correlate/hang_advice_tables.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace forkmon {
namespace {

using namespace frames;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto kill_child = Remedy::kill_child;
constexpr auto restart_parent = Remedy::restart_parent;
constexpr auto release_lock = Remedy::release_lock;
constexpr auto look_first = Remedy::look_first;

DeadlockFinding hang(LockKind kind = LockKind::mutex, std::string exe = "/bin/server") {
  DeadlockFinding finding;
  finding.proof = true;
  finding.subject.parent.pid = 100;
  finding.subject.parent.exe = std::move(exe);
  finding.subject.child.pid = 200;
  finding.lock.kind = kind;
  finding.lock.address = 0x1000;
  return finding;
}

DeadlockFinding python_hang(std::vector<Frame> traceback) {
  DeadlockFinding finding = hang(LockKind::semaphore, "/usr/bin/python3.11");
  finding.python = std::move(traceback);
  return finding;
}

DeadlockFinding suspicion(StuckReason reason) {
  DeadlockFinding finding = hang();
  finding.proof = false;
  finding.reason = reason;
  finding.lock.owner = LockOwner{.tid = 101, .comm = "", .alive = true, .is_self = false};
  return finding;
}

HangAdvice advice(const DeadlockFinding& finding) {
  return advice_for_hang(finding, true);
}

struct PathCase {
  const char* name;
  std::vector<Frame> traceback;
  Remedy remedy;
  const char* now; ///< its start
  const char* rest;
  const char* fix;
};

class EachPath : public testing::TestWithParam<PathCase> {};

TEST_P(EachPath, SaysWhatEndsTheHang) {
  const HangAdvice given = advice(python_hang(GetParam().traceback));
  EXPECT_EQ(given.remedy, GetParam().remedy);
  EXPECT_THAT(given.now, AllOf(StartsWith(GetParam().now), HasSubstr(GetParam().rest)));
  EXPECT_THAT(given.fix, AllOf(HasSubstr(GetParam().fix), HasSubstr("threading.Lock")));
  EXPECT_THAT(given.fix, Not(testing::ContainsRegex("[12]00")));
}

INSTANTIATE_TEST_SUITE_P(
    HangAdvice, EachPath,
    testing::Values(PathCase{"pool", in_pool(), restart_parent,
                             "Restart 100, the parent, and kill 200 if", "never finishes the task",
                             "forkserver"},
                    PathCase{"executor", in_executor(), kill_child,
                             "Kill 200: ", "BrokenProcessPool", "mp_context"},
                    PathCase{"process", in_process(), kill_child, "Kill 200: join()",
                             "a result on a queue instead, restart 100.", "forkserver"},
                    PathCase{"preexec_fn", in_preexec_fn(), kill_child, "Kill 200: Popen",
                             "returncode -9", "start_new_session"},
                    PathCase{"os_fork", os_fork(), kill_child, "Kill 200: os.waitpid()",
                             "parent 100", "before the first thread"}),
    [](const auto& info) { return info.param.name; });

TEST(HangAdvice, OfAnOrphanNamesNoParent) {
  DeadlockFinding orphan = python_hang(in_pool());
  orphan.subject.parent.ended = true;
  EXPECT_EQ(advice(orphan).remedy, kill_child);
  EXPECT_EQ(advice(orphan).now, "Kill 200: its parent has ended, and nobody else waits for it.");
}

TEST(HangAdvice, OfAnOrphanOnASharedLockNamesNoParentEither) {
  DeadlockFinding orphan = suspicion(StuckReason::shared_owner_ended);
  orphan.subject.parent.ended = true;
  EXPECT_EQ(advice(orphan).remedy, kill_child);
  EXPECT_THAT(advice(orphan).now, StartsWith("Restart its program and whatever else"));
}

TEST(HangAdvice, OfANativeProgramDoesNotAssumeAnExec) {
  const HangAdvice given = advice(hang());
  EXPECT_EQ(given.remedy, kill_child);
  EXPECT_THAT(given.now, StartsWith("Kill 200: its parent 100"));
  EXPECT_THAT(given.fix,
              AllOf(HasSubstr("pthread_atfork"),
                    HasSubstr("A child that runs another "
                              "program"),
                    HasSubstr("fork before the first thread"), Not(HasSubstr("Python"))));
}

struct ReasonCase {
  const char* name;
  StuckReason reason;
  Remedy remedy;
  const char* now;
  const char* fix;     ///< part of it
  const char* not_fix; ///< no part of it
};

class EachReason : public testing::TestWithParam<ReasonCase> {};

TEST_P(EachReason, HasItsOwnAdvice) {
  const HangAdvice given = advice(suspicion(GetParam().reason));
  EXPECT_EQ(given.remedy, GetParam().remedy);
  EXPECT_THAT(given.now, HasSubstr(GetParam().now));
  EXPECT_THAT(given.now, Not(HasSubstr("{")));
  EXPECT_THAT(given.fix, AllOf(HasSubstr(GetParam().fix), Not(HasSubstr(GetParam().not_fix))));
}

INSTANTIATE_TEST_SUITE_P(
    HangAdvice, EachReason,
    testing::Values(ReasonCase{"handler", StuckReason::handler, look_first,
                               "Nothing, if 200 waits for a signal", "posix_spawn", "shared"},
                    ReasonCase{"memory_shared", StuckReason::memory_shared, look_first,
                               "the process that shares the memory of 200", "", "posix_spawn"},
                    ReasonCase{"memory_unknown", StuckReason::memory_unknown, look_first,
                               "If it should be "
                               "working, kill 200",
                               "", "posix_spawn"},
                    ReasonCase{"shared_futex", StuckReason::shared_futex, release_lock,
                               "Killing 200 does not release it", "shared between processes",
                               "posix_spawn"},
                    ReasonCase{"shared_owner_lives", StuckReason::shared_owner_lives, release_lock,
                               "Look what thread 101 waits for", "robust", "posix_spawn"},
                    ReasonCase{"shared_owner_ended", StuckReason::shared_owner_ended,
                               restart_parent, "nobody can unlock it", "EOWNERDEAD", "posix_spawn"},
                    ReasonCase{"pi_owner_lives", StuckReason::pi_owner_lives, look_first,
                               "its end wakes 200", "posix_spawn", "shared"},
                    ReasonCase{"traced", StuckReason::traced, look_first,
                               "Detach the debugger from 200", "posix_spawn", "shared"},
                    ReasonCase{"all_threads_wait", StuckReason::all_threads_wait, look_first,
                               "Nothing, if 200 waits for a signal", "posix_spawn", "shared"},
                    ReasonCase{"timed_loop", StuckReason::timed_loop, kill_child, "Kill 200",
                               "posix_spawn", "shared"},
                    ReasonCase{"own_pipe", StuckReason::own_pipe, kill_child, "Kill 200",
                               "close the ends of pipes", "posix_spawn"},
                    ReasonCase{"spins", StuckReason::spins, look_first, "if it computes, let it",
                               "", "posix_spawn"},
                    ReasonCase{"naps", StuckReason::naps, look_first,
                               "if it is to go on after some time, let it", "", "posix_spawn"}),
    [](const auto& info) { return info.param.name; });

struct LockCase {
  LockKind kind;
  const char* cause;
  const char* fix;
};

class EachLock : public testing::TestWithParam<LockCase> {};

TEST_P(EachLock, HasItsOwnCauseAndFix) {
  EXPECT_THAT(advice(hang(GetParam().kind)).fix,
              AllOf(StartsWith(GetParam().cause), HasSubstr(GetParam().fix)));
}

INSTANTIATE_TEST_SUITE_P(
    HangAdvice, EachLock,
    testing::Values(
        LockCase{LockKind::mutex, "Another thread held the lock", "pthread_atfork"},
        LockCase{LockKind::rwlock, "Another thread held the lock", "pthread_atfork"},
        LockCase{LockKind::semaphore, "The thread that would post", "shared memory"},
        LockCase{LockKind::condition, "The thread that would signal", "anew in the child"},
        LockCase{LockKind::once, "Another thread was running the init", "before the first thread"},
        LockCase{LockKind::guard, "Another thread was initializing the static variable",
                 "Initialize it before"},
        LockCase{LockKind::file, "Another thread held", "write(2)"},
        LockCase{LockKind::arena, "Another thread held", "Allocate before fork"},
        LockCase{LockKind::loader, "Another thread was loading", "Load libraries before fork"},
        LockCase{LockKind::libc, "Another thread was inside the C library", "posix_spawn"},
        LockCase{LockKind::rust_mutex, "Another thread held", "Do not use it in the child"},
        LockCase{LockKind::absl, "Another thread held", "Do not use it in the child"},
        LockCase{LockKind::go_runtime, "Go's runtime waits", "os/exec"},
        LockCase{LockKind::unknown, "Another thread held", "posix_spawn"}));

TEST(HangAdvice, SaysWhoHoldsTheLock) {
  DeadlockFinding finding = hang();
  finding.lock.owner = LockOwner{.tid = 7, .comm = "", .alive = true, .is_self = false};
  EXPECT_THAT(advice(finding).fix, StartsWith("A thread of the parent holds the lock: "));
  finding.lock.owner->alive = false;
  EXPECT_THAT(advice(finding).fix, StartsWith("The thread that held the lock has ended"));
}

TEST(HangAdvice, ClaimsNoHolderWhereTheWaitMayBeHealthy) {
  EXPECT_THAT(advice(suspicion(StuckReason::handler)).fix,
              AllOf(StartsWith("If another thread held the lock at the fork: "),
                    Not(HasSubstr("A thread of the parent"))));
  EXPECT_THAT(advice(suspicion(StuckReason::shared_futex)).now,
              StartsWith("Nothing, if 200 is an idle worker. If it should be working, find the"));
}

TEST(HangAdvice, TellsTheThreadThatForkedAndThreadsOfTheChildFromOthers) {
  DeadlockFinding finding = hang();
  finding.lock.owner = LockOwner{};
  finding.lock.owner->alive = true;
  finding.lock.owner->is_forker = true;
  EXPECT_THAT(advice(finding).fix, StartsWith("The thread that forked held the lock itself"));
  finding.lock.owner->is_forker = false;
  finding.lock.owner->in_child = true;
  EXPECT_THAT(advice(finding).fix, AllOf(StartsWith("Another thread of the child holds the lock"),
                                         Not(HasSubstr("posix_spawn"))));
}

TEST(HangAdvice, BlamesNoForkForALockThatTheChildTookItself) {
  DeadlockFinding finding = hang();
  finding.lock.owner = LockOwner{.tid = 200, .comm = "", .alive = true, .is_self = true};
  EXPECT_THAT(advice(finding).now, StartsWith("Kill 200"));
  EXPECT_THAT(advice(finding).fix, AllOf(HasSubstr("takes it again"), HasSubstr("recursive"),
                                         Not(HasSubstr("posix_spawn"))));
}

TEST(HangAdvice, SaysWhatTheCatalogueSaysOfTheCodeThatHangs) {
  DeadlockFinding finding = hang(LockKind::libc);
  finding.stack = {{"__lll_lock_wait_private", "/lib/libc.so.6", 0, ""},
                   {"__add_to_environ", "/lib/libc.so.6", 0, ""},
                   {"setenv", "/lib/libc.so.6", 0, ""}};
  EXPECT_THAT(advice(finding).fix, HasSubstr("Build the environment before fork"));
  finding.stack = {{"pthread_mutex_lock", "/lib/libc.so.6", 0, ""},
                   {"malloc", "/opt/liballocator.so", 0, ""}};
  EXPECT_THAT(advice(finding).fix, HasSubstr("jemalloc: its configure"));
  finding.stack = native("", "/usr/lib/libtcmalloc.so.4");
  EXPECT_THAT(advice(finding).fix, HasSubstr("at-fork handlers"));
}

TEST(HangAdvice, SaysWhatTheCatalogueSaysOfALockOfTheCLibrary) {
  DeadlockFinding finding = hang(LockKind::libc);
  finding.lock.symbol = "envlock";
  EXPECT_THAT(advice(finding).fix, HasSubstr("Build the environment before fork"));
  finding.lock.symbol = "localtime_r()";
  EXPECT_THAT(advice(finding).fix, HasSubstr("Convert times before fork"));
  finding.lock.kind = LockKind::mutex; // the program's own, of that name
  EXPECT_THAT(advice(finding).fix, Not(HasSubstr("Convert times")));
}

TEST(HangAdvice, NamesThePoolOfThreadsThatASpinningChildWaitsFor) {
  DeadlockFinding finding = suspicion(StuckReason::spins);
  finding.lock = {};
  finding.stack = native("gomp_barrier_wait_end", "/usr/lib/libgomp.so.1");
  EXPECT_THAT(advice(finding).fix, AllOf(HasSubstr("OMP_NUM_THREADS=1"), HasSubstr("spawn")));
}

TEST(HangAdvice, BlamesTheCallThatRepairsNothing) {
  EXPECT_THAT(advice_for_hang(hang(LockKind::arena), false).fix,
              AllOf(HasSubstr("_Fork or clone(2)"), HasSubstr("use fork() or posix_spawn")));
  DeadlockFinding in_malloc = hang(LockKind::arena);
  in_malloc.stack = native("malloc", "/usr/lib/libc.so.6");
  EXPECT_THAT(advice_for_hang(in_malloc, false).fix, Not(HasSubstr("jemalloc")));
}

TEST(HangAdviceTables, HaveARowForEachValue) {
  const auto has = [](const auto& rows, auto key, auto value) {
    return std::ranges::find(rows, value, key) != rows.end();
  };
  for (int i = 0; i <= static_cast<int>(StuckReason::spins); ++i)
    EXPECT_TRUE(has(reason_rows(), &ReasonRow::reason, static_cast<StuckReason>(i))) << i;
  for (int i = 1; i <= static_cast<int>(ForkPath::preexec_fn); ++i)
    EXPECT_TRUE(has(path_rows(), &PathRow::path, static_cast<ForkPath>(i))) << i;
  for (int i = 1; i <= static_cast<int>(LockKind::go_runtime); ++i)
    EXPECT_TRUE(has(lock_rows(), &LockRow::kind, static_cast<LockKind>(i))) << i;
}

TEST(HangAdvice, HasAnAnswerToAReasonThatIsNew) {
  const HangAdvice given = advice(suspicion(static_cast<StuckReason>(99)));
  EXPECT_EQ(given.remedy, kill_child);
}

} // namespace
} // namespace forkmon
