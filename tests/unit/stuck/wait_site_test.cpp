// SPDX-License-Identifier: MIT
#include "stuck/wait_site.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace forkmon {
namespace {

constexpr const char* libc = "/usr/lib/x86_64-linux-gnu/libc.so.6";
constexpr const char* program = "/srv/app";

Frame in(const char* module, const char* function) {
  return {.function = function, .module = module, .offset = 0, .source = ""};
}

/// Functions of libc, then those of the program.
std::vector<Frame> stack(std::initializer_list<const char*> of_libc,
                         std::initializer_list<const char*> of_program = {"work", "main"}) {
  std::vector<Frame> frames;
  for (const char* function : of_libc)
    frames.push_back(in(libc, function));
  for (const char* function : of_program)
    frames.push_back(in(program, function));
  return frames;
}

struct Expected {
  std::vector<Frame> frames;
  LockKind kind;
};

void expect(const std::vector<Expected>& table) {
  for (const Expected& row : table) {
    std::string names;
    for (const Frame& frame : row.frames)
      names += frame.function + " ";
    const WaitSite site = wait_site(row.frames);
    EXPECT_EQ(site.kind, row.kind) << names;
    EXPECT_TRUE(site.is_told) << names;
  }
}

TEST(WaitSite, KnowsTheLocksOfPosixAndC11) {
  expect({
      {stack({"futex_wait", "__GI___lll_lock_wait", "pthread_mutex_lock@@GLIBC_2.2.5"}),
       LockKind::mutex},
      {stack({"", "___pthread_mutex_lock"}), LockKind::mutex},
      {stack({"__pthread_mutex_lock_full"}), LockKind::mutex},
      {stack({"futex_lock_pi64", "__pthread_mutex_lock_full", "pthread_mutex_lock"}),
       LockKind::mutex},
      {stack({"__lll_lock_wait", "pthread_mutex_lock", "__mtx_lock"}), LockKind::mutex},
      {stack({"__futex_abstimed_wait_common", "__new_sem_wait_slow64.constprop.0", "sem_wait"}),
       LockKind::semaphore},
      {stack({"do_futex_wait", "sem_clockwait"}), LockKind::semaphore},
      {stack({"futex_wait", "___pthread_rwlock_rdlock"}), LockKind::rwlock},
      {stack({"futex_wait", "__pthread_rwlock_wrlock_full64", "pthread_rwlock_wrlock"}),
       LockKind::rwlock},
      {stack({"__futex_abstimed_wait_common64", "___pthread_cond_wait"}), LockKind::condition},
      {stack({"", "pthread_cond_wait", "cnd_wait"}), LockKind::condition},
      {stack({"futex_wait_simple", "__pthread_once_slow"}), LockKind::once},
      {stack({"futex_wait", "flockfile"}), LockKind::file},
  });
}

TEST(WaitSite, KnowsThoseOfOtherLanguagesAndLibraries) {
  const auto by_syscall = [](std::initializer_list<const char*> functions) {
    return stack({"syscall"}, functions);
  };
  expect({
      {by_syscall({"__cxa_guard_acquire", "service()", "main"}), LockKind::guard},
      {by_syscall({"std::sys::pal::unix::futex::futex_wait",
                   "<std::sys::sync::mutex::futex::Mutex>::lock_contended", "app::main"}),
       LockKind::rust_mutex},
      {by_syscall({"std::sys::unix::locks::futex_rwlock::RwLock::write_contended", "app::main"}),
       LockKind::rust_mutex},
      {by_syscall({"std::sys_common::once::futex::Once::call", "app::main"}), LockKind::rust_mutex},
      {by_syscall({"parking_lot::raw_mutex::RawMutex::lock_slow", "app::main"}),
       LockKind::rust_mutex},
      {by_syscall({"std::sys::sync::thread_parking::futex::Parker::park", "app::main"}),
       LockKind::unknown},
      {by_syscall({"absl::lts_20220623::synchronization_internal::FutexImpl::WaitUntil",
                   "AbslInternalPerThreadSemWait_lts_20220623", "absl::lts_20220623::Mutex::Block",
                   "main"}),
       LockKind::absl},
      {by_syscall({"AbslInternalSpinLockDelay_lts_20220623", "main"}), LockKind::absl},
      {by_syscall({"base::internal::SpinLockDelay(int volatile*, int, int)", "SpinLock::SlowLock()",
                   "main"}),
       LockKind::absl},
      {stack({}, {"runtime.futex.abi0", "runtime.futexsleep", "runtime.lock2", "main.main"}),
       LockKind::go_runtime},
  });
}

TEST(WaitSite, KnowsTheCLibrarysOwnLocks) {
  expect({
      {stack({"__lll_lock_wait_private", "__add_to_environ", "setenv"}), LockKind::libc},
      {stack({"", "", "setenv"}), LockKind::libc},
      {stack({"__lll_lock_wait_private", "_int_free", "__GI___libc_free"}), LockKind::arena},
      {stack({"", "", "malloc"}), LockKind::arena},
      {stack({"__lll_lock_wait_private", "malloc", "__fopen_internal"}), LockKind::arena},
      {stack({"__lll_lock_wait_private", "_IO_puts"}), LockKind::file},
      {stack({"__lll_lock_wait_private", "_IO_flush_all_lockp", "_IO_cleanup",
              "__run_exit_handlers", "exit"}),
       LockKind::file},
      {stack({"", "fputs"}), LockKind::file},
      {stack({"__lll_lock_wait", "pthread_mutex_lock", "__dl_iterate_phdr"}), LockKind::loader},
      {stack({"", "pthread_mutex_lock", "_dl_open", "dlopen_doit", "dlopen"}), LockKind::loader},
      {stack({"", "pthread_mutex_lock", "", "dlsym"}), LockKind::loader},
      {stack({"", "pthread_mutex_lock", "aio_read"}), LockKind::mutex},
  });
  EXPECT_EQ(wait_site(stack({"__lll_lock_wait_private", "__add_to_environ", "setenv"})).function,
            "setenv");
  EXPECT_EQ(wait_site(stack({"__lll_lock_wait_private", "__nscd_get_map_ref"})).function,
            "nscd_get_map_ref");
}

TEST(WaitSite, KnowsThoseOfMusl) {
  const auto musl = [](std::initializer_list<const char*> functions) {
    std::vector<Frame> frames;
    for (const char* function : functions)
      frames.push_back(in("/usr/lib/x86_64-linux-musl/libc.so", function));
    frames.push_back(in(program, "main"));
    return frames;
  };
  expect({
      {musl({"__syscall_cp", "__timedwait_cp", "__timedwait", "__pthread_mutex_timedlock"}),
       LockKind::mutex},
      {musl({"", "", "pthread_mutex_timedlock"}), LockKind::mutex},
      {musl({"", "sem_timedwait"}), LockKind::semaphore},
      {musl({"__wait", "__lock", "setenv"}), LockKind::libc},
      {musl({"__futexwait", "__lockfile", "fputs"}), LockKind::file},
      {musl({"", "", "malloc"}), LockKind::arena},
  });
}

TEST(WaitSite, KnowsThoseOfAStaticProgram) {
  expect({
      {stack({}, {"__lll_lock_wait_private", "__tz_convert", "__localtime_r", "work", "main"}),
       LockKind::libc},
      {stack({}, {"__lll_lock_wait", "pthread_mutex_lock", "work", "main"}), LockKind::mutex},
      {stack({}, {"__wait", "__lock", "unsetenv", "work", "main"}), LockKind::libc},
  });
  EXPECT_EQ(wait_site(stack({}, {"__lll_lock_wait_private", "helper", "work", "main"})).function,
            "helper");
}

TEST(WaitSite, CallsNothingALockThatIsNone) {
  expect({
      {stack({"__futex_abstimed_wait_common", "pthread_barrier_wait"}), LockKind::unknown},
      {stack({"__futex_abstimed_wait_common", "__pthread_clockjoin_ex"}), LockKind::unknown},
      {stack({"syscall"}), LockKind::unknown},
      {stack({"syscall"}, {"std::__atomic_futex_unsigned_base::_M_futex_wait_until", "main"}),
       LockKind::unknown},
      {stack({}, {"my_wait", "main"}), LockKind::unknown},
  });
}

TEST(WaitSite, AsksOnlyWhoWaits) {
  // The program's own lock, in a function that runs inside of others.
  expect({
      {stack({}, {"my_lock", "initialise", "pthread_once", "main"}), LockKind::unknown},
      {stack({"syscall"}, {"my_lock", "std::sys::sync::once::futex::Once::call", "main"}),
       LockKind::unknown},
  });
  // Nameless code of the program lies between.
  EXPECT_EQ(wait_site(stack({"syscall"}, {"", "pthread_mutex_lock"})).kind, LockKind::unknown);
  EXPECT_EQ(wait_site({}).kind, LockKind::unknown);
}

TEST(WaitSite, SaysWhereTheStackDoesNotTell) {
  EXPECT_FALSE(wait_site({}).is_told);
  EXPECT_FALSE(wait_site(stack({}, {"", "", ""})).is_told) << "a stripped static program";
  EXPECT_FALSE(wait_site(stack({""}, {})).is_told) << "a stack that cannot be unwound";
  EXPECT_FALSE(wait_site(stack({"memset"}, {})).is_told) << "nor named";
  EXPECT_EQ(wait_site(stack({"memset"}, {})).kind, LockKind::unknown);
  EXPECT_FALSE(wait_site(stack({}, {"cycle", "cycle", "cycle"})).is_told);
  EXPECT_TRUE(wait_site(stack({"syscall"}, {""})).is_told) << "no function of libc waits so";
}

TEST(WaitSite, LeavesItToTheMemoryWhereAStrippedLibcWasCalled) {
  for (const auto& frames : {stack({"", ""}), stack({"", "", ""}, {"", "work"})}) {
    const WaitSite site = wait_site(frames); // sem_wait() jumps to a function without a name
    EXPECT_FALSE(site.is_told);
    EXPECT_TRUE(site.is_in_nameless_libc);
    EXPECT_EQ(site.kind, LockKind::unknown);
  }
  EXPECT_FALSE(wait_site(stack({"syscall"})).is_in_nameless_libc);
  EXPECT_FALSE(wait_site(stack({"", "pthread_barrier_wait"})).is_in_nameless_libc);
  EXPECT_FALSE(wait_site(stack({})).is_in_nameless_libc);
  const WaitSite tail = wait_site(stack({"__lll_lock_wait_private", ""})); // setenv() may jump, too
  EXPECT_EQ(tail.kind, LockKind::libc);
  EXPECT_EQ(tail.function, "");
}

TEST(WaitSite, LeavesItToTheMemoryWhereFramesOfMuslAreMissing) {
  EXPECT_FALSE(wait_site(stack({}, {"sccp", "work", "main"})).is_told);
  const WaitSite whole =
      wait_site(stack({}, {"sccp", "__timedwait", "pthread_mutex_timedlock", "main"}));
  EXPECT_TRUE(whole.is_mutex);
}

TEST(WaitSite, SaysWhereAPthreadMutexIs) {
  EXPECT_TRUE(wait_site(stack({"pthread_mutex_lock"})).is_mutex);
  EXPECT_TRUE(wait_site(stack({"pthread_mutex_lock", "dl_iterate_phdr"})).is_mutex);
  EXPECT_FALSE(wait_site(stack({"sem_wait"})).is_mutex);
  EXPECT_FALSE(wait_site(stack({"__lll_lock_wait_private", "setenv"})).is_mutex);
}

} // namespace
} // namespace forkmon
