// SPDX-License-Identifier: MIT
#include "correlate/hang_advice_tables.h"

#include <array>

namespace forkmon {
namespace {

constexpr std::array paths{
    PathRow{ForkPath::native, Remedy::kill_child,
            "kill {child}: its parent {parent} then sees it ended by SIGKILL."},
    PathRow{ForkPath::python, Remedy::kill_child,
            "kill {child}: os.waitpid() in its parent {parent} then returns."},
    PathRow{ForkPath::process, Remedy::kill_child,
            "kill {child}: join() in its parent {parent} then returns, with exitcode -9. Where the "
            "parent waits for a result on a queue instead, restart {parent}."},
    PathRow{ForkPath::pool, Remedy::restart_parent,
            "restart {parent}, the parent, and kill {child} if it is left behind. Killing {child} "
            "alone is not enough: multiprocessing.Pool forks another worker, but never finishes "
            "the task of the one that was killed."},
    PathRow{ForkPath::executor, Remedy::kill_child,
            "kill {child}: its futures in {parent} then raise BrokenProcessPool, and the executor "
            "has to be made anew."},
    PathRow{ForkPath::preexec_fn, Remedy::kill_child,
            "kill {child}: Popen in its parent {parent} then returns, with returncode -9."},
};

constexpr std::string_view orphan =
    "kill {child}: its parent has ended, and nobody else waits for it.";

// Of a wait that may be healthy, nobody is said to hold a lock.
constexpr std::string_view if_stuck = "If another thread held the lock at the fork:";

constexpr std::array reasons{
    ReasonRow{StuckReason::none, {}, "{end}", true, ""},
    ReasonRow{StuckReason::handler, Remedy::look_first,
              "nothing, if {child} waits for a signal such as SIGTERM. If it should be working, "
              "{end}",
              true, if_stuck},
    ReasonRow{StuckReason::memory_shared, Remedy::look_first,
              "look at the process that shares the memory of {child}, and may wake it. If it does "
              "not, {end}",
              false, ""},
    ReasonRow{StuckReason::memory_unknown, Remedy::look_first,
              "look what {child} should be doing: another process may share its memory, and wake "
              "it. If it should be working, {end}",
              false, ""},
    ReasonRow{StuckReason::shared_futex, Remedy::release_lock,
              "nothing, if {child} is an idle worker. If it should be working, find the process "
              "that holds the lock: {child} resumes when that process releases it. Killing {child} "
              "does not release it. If the process that held it was killed, restart {parent} and "
              "whatever else shares the lock, which makes it anew.",
              false,
              "The lock is shared between processes and does not record who holds it. Hold such a "
              "lock for a short time only, and do not kill a process that may hold one."},
    ReasonRow{StuckReason::shared_owner_lives, Remedy::release_lock,
              "look what thread {owner} waits for: it holds the lock and is alive, and {child} "
              "resumes when it unlocks. Killing {child} does not release it.",
              false,
              "The lock is shared between processes: hold it for a short time only, and make it "
              "robust (pthread_mutexattr_setrobust), so that its holder's end releases it."},
    ReasonRow{StuckReason::shared_owner_ended, Remedy::restart_parent,
              "restart {parent} and whatever else shares the lock, which makes it anew: the thread "
              "that held it has ended, and nobody can unlock it. Killing {child} does not.",
              false, "Make the mutex robust (pthread_mutexattr_setrobust), and handle EOWNERDEAD."},
    ReasonRow{StuckReason::pi_owner_lives, Remedy::look_first,
              "wait, if thread {owner} is about to end: its end wakes {child}, its unlocking need "
              "not. Else {end}",
              true, ""},
    ReasonRow{StuckReason::traced, Remedy::look_first,
              "detach the debugger from {child}, and see whether it resumes. If not, {end}", true,
              ""},
    ReasonRow{StuckReason::all_threads_wait, Remedy::look_first,
              "nothing, if {child} waits for a signal such as SIGTERM. If it should be working, "
              "{end}",
              true, if_stuck},
    ReasonRow{StuckReason::timed_loop, {}, "{end}", true, ""},
    ReasonRow{StuckReason::own_pipe,
              {},
              "{end}",
              false,
              "It reads from a pipe whose only writer is itself: close the ends of pipes that a "
              "child does not use, right after the fork."},
    ReasonRow{StuckReason::spins, Remedy::look_first,
              "look at the stack of {child}: if it computes, let it. If it waits for threads that "
              "are not in it, {end}",
              false, ""},
    ReasonRow{
        StuckReason::naps, Remedy::look_first,
        "look at the stack of {child}: if it is to go on after some time, let it. If it waits "
        "for a thread that is not in it, {end}",
        false, ""},
};

constexpr std::string_view not_in_child =
    "Another thread held the lock at the fork, and is not in the child.";
constexpr std::string_view own_lock =
    "Take the lock around fork with pthread_atfork, or do not use it in the child.";
constexpr std::string_view initialize_early = "Initialize it before the first thread starts.";

constexpr std::array locks{
    LockRow{LockKind::semaphore, Runtime::python,
            "Another thread held the lock at the fork, and is not in the child; a threading.Lock "
            "does not record which.",
            "A lock that the child needs can be made anew by os.register_at_fork(after_in_child="
            "…)."},
    LockRow{LockKind::semaphore, Runtime::any,
            "The thread that would post the semaphore is not in the child.",
            "Let the child use a semaphore of its own, or one in shared memory."},
    LockRow{LockKind::mutex, Runtime::any, not_in_child, own_lock},
    LockRow{LockKind::rwlock, Runtime::any, not_in_child, own_lock},
    LockRow{LockKind::rust_mutex, Runtime::any, not_in_child, "Do not use it in the child."},
    LockRow{LockKind::absl, Runtime::any, not_in_child, "Do not use it in the child."},
    LockRow{LockKind::condition, Runtime::any,
            "The thread that would signal the condition is not in the child.",
            "Start that thread anew in the child, or do not wait for it there."},
    LockRow{LockKind::once, Runtime::any,
            "Another thread was running the initialization at the fork, and is not in the child.",
            initialize_early},
    LockRow{LockKind::guard, Runtime::any,
            "Another thread was initializing the static variable at the fork, and is not in the "
            "child.",
            initialize_early},
    LockRow{LockKind::file, Runtime::any, not_in_child,
            "Write with write(2) in the child, and end it with _exit."},
    LockRow{LockKind::arena, Runtime::any, not_in_child, "Allocate before fork."},
    LockRow{LockKind::loader, Runtime::any,
            "Another thread was loading a library at the fork, and is not in the child.",
            "Load libraries before fork."},
    LockRow{LockKind::libc, Runtime::any,
            "Another thread was inside the C library at the fork, and is not in the child.", ""},
    LockRow{LockKind::go_runtime, Runtime::any,
            "Go's runtime waits for its other threads, which are not in the child.",
            "A Go program must not fork without exec: use os/exec."},
    LockRow{LockKind::unknown, Runtime::any, not_in_child, ""},
};

} // namespace

std::span<const PathRow> path_rows() {
  return paths;
}

std::span<const ReasonRow> reason_rows() {
  return reasons;
}

std::span<const LockRow> lock_rows() {
  return locks;
}

std::string_view end_of_orphan() {
  return orphan;
}

} // namespace forkmon
