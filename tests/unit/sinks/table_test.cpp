// SPDX-License-Identifier: MIT
#include "sinks/table.h"

#include "sinks/samples.h"
#include "util/text.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <initializer_list>

namespace forkmon {
namespace {

std::string table(std::initializer_list<Finding> findings, bool color = false) {
  setenv("TZ", "UTC", 1);
  tzset();
  samples::Capture capture;
  TableSink sink(capture.output(), WallClock(0), color);
  for (const Finding& finding : findings)
    EXPECT_TRUE(sink.on(finding));
  return capture.text();
}

std::string second_line(const std::string& text) {
  return text.substr(text.find('\n') + 1);
}

TEST(Table, LinesItsColumnsUp) {
  ChildFinding many = samples::child(Outcome::signal, 11);
  many.exact = false;
  many.calls = {samples::count("malloc", 9),
                samples::count("free", 8),
                samples::count("printf", 7),
                samples::count("calloc", 6),
                samples::count("realloc", 5),
                samples::count("fflush", 4),
                samples::count("setenv", 1, Severity::high)};
  UnsafeCallFinding lock = samples::call("pthread_mutex_lock", Severity::warning);
  lock.subject.parent = {.pid = 4194304, .comm = "long-named-daem", .exe = "", .threads = 128};
  lock.library = "/opt/app/lib/libstdc++.so.6.0.30";
  EXPECT_EQ(
      table({TaintedForkFinding{}, samples::call(), lock, samples::child(Outcome::exit), many,
             LostFinding{.time_ns = 3 * samples::second_ns, .sensor = "probes", .count = 12}}),
      R"(TIME          SEVERITY  PARENT ×THREADS           CHILD                   WHAT                        LIBRARY           AFTER FORK  CALLS
00:00:01.123  high      python3[1234] ×5          1240 worker             calls getaddrinfo           libc.so.6             340 µs
00:00:01.123  warning   long-name…[4194304] ×128  1240 worker             calls pthread_mutex_lock    libstdc++.so.6.…      340 µs
00:00:02.000  warning   python3[1234] ×5          1240 worker             exited 0                                           1.2 s  malloc×1000 free×3 (exact)
00:00:02.000  warning   python3[1234] ×5          1240 worker             killed by signal 11 (SEGV)                         1.2 s  setenv×1 malloc×9 free×8 printf×7 calloc×6 +2 more (at least)
00:00:03.000  warning   -                         -                       12 events lost                                            by sensor probes
)");
}

TEST(Table, ShowsWhoCallsAnUnsafeFunction) {
  UnsafeCallFinding call = samples::call();
  call.stack = {samples::frame("getaddrinfo", "/lib/libc.so.6", 16),
                samples::frame("", "/bin/app", 1),
                samples::frame("resolve", "/bin/app", 2),
                samples::frame("worker", "/bin/app", 3),
                samples::frame("run", "/bin/app", 4),
                samples::frame("main", "/bin/app", 5)};
  EXPECT_THAT(table({call}), testing::EndsWith("  340 µs\n    from resolve ← worker ← run\n"));
  call.stack.resize(2);
  EXPECT_THAT(table({call}), testing::EndsWith("  340 µs\n"));
}

TEST(Table, ShowsADeadlockAsABlock) {
  EXPECT_EQ(
      second_line(table({samples::deadlock()})),
      R"(00:00:03.000  critical  python3[1234] ×5          1240 worker             deadlocked (proven)                                 24 s
    now            Kill 1240.
    lock           mutex Logger::instance()::logger at 0x7f0000001040
    held by        logger (tid 1236), alive in the parent
    has waited     1.2 s or more
    Python         /usr/lib/python3.11/logging/__init__.py:978 in emit
                   /srv/app.py:12 in work
    child's stack  __lll_lock_wait  libc.so.6+0x8b4d0
                   worker  app+0x11d9  app.c:12
    owner's stack  read  libc.so.6+0x10
                   log_loop  app+0x20
    advice         Use spawn.
)");
}

TEST(Table, SaysWhyAChildIsNotExact) {
  ChildFinding child = samples::child(Outcome::exit);
  child.exact = false;
  child.inexact = {InexactCause::library_unread, samples::hostile};
  EXPECT_THAT(table({child}),
              testing::EndsWith("(at least: a library that it has mapped could not be read: "
                                "a\\x0a\"\\x1b[31m\\xff)\n"));
  child.calls.clear();
  child.inexact = {InexactCause::not_armed, ""};
  EXPECT_THAT(table({child}), testing::EndsWith("no unsafe calls seen (not exact: it carried no "
                                                "probes at its fork)\n"));
}

TEST(Table, SaysThatTheParentHasEnded) {
  DeadlockFinding deadlock = samples::deadlock();
  deadlock.subject.parent.ended = true;
  EXPECT_THAT(
      table({deadlock}),
      testing::AllOf(testing::HasSubstr("python3[1234] ×5"),
                     testing::HasSubstr("    parent         has ended; it was process 1234\n")));
  deadlock.subject.parent.pid = 0;
  EXPECT_THAT(
      table({deadlock}),
      testing::AllOf(testing::HasSubstr("python3[ended] "), testing::Not(testing::HasSubstr("×0")),
                     testing::HasSubstr("    parent         has ended, before forkmon came\n")));
}

TEST(Table, ShowsOfASuspicionOnlyWhatIsKnown) {
  EXPECT_EQ(
      second_line(table({samples::suspicion()})),
      R"(00:00:03.000  high      python3[1234] ×5          1240 worker             stuck (suspected)                                 710 ms
    lock           semaphore at 0x10
    held by        unknown (a semaphore does not record its owner)
    why suspected  it has 2 threads, and all of them wait for a futex
    has waited     700 ms or more
)");
  DeadlockFinding spins = samples::suspicion();
  spins.lock = {};
  spins.reason = StuckReason::spins;
  EXPECT_THAT(
      table({spins}),
      testing::EndsWith(
          " 710 ms\n    why suspected  it spins: always busy, in the same few instructions\n"
          "    has waited     700 ms or more\n"));
}

TEST(Table, NamesTheHolderAsFarAsItIsKnown) {
  DeadlockFinding deadlock = samples::suspicion();
  const auto holder = [&](LockKind kind, std::optional<LockOwner> owner) {
    deadlock.lock = {.kind = kind, .address = 0x10, .symbol = "", .owner = std::move(owner)};
    return table({deadlock});
  };
  using testing::HasSubstr;
  LockOwner owner;
  owner.tid = 7;
  EXPECT_THAT(holder(LockKind::mutex, owner),
              HasSubstr("    held by        thread 7, has ended\n"));
  owner.is_forker = true;
  EXPECT_THAT(holder(LockKind::mutex, owner),
              HasSubstr("thread 7, which held it when it forked this child, has ended\n"));
  owner.comm = "worker";
  owner.in_child = true;
  EXPECT_THAT(holder(LockKind::mutex, owner),
              HasSubstr("worker (tid 7), another thread of the child\n"));
  owner.is_self = true;
  EXPECT_THAT(holder(LockKind::mutex, owner),
              HasSubstr("worker (tid 7), the waiting thread itself\n"));
  EXPECT_THAT(holder(LockKind::mutex, std::nullopt),
              HasSubstr("    held by        unknown (this mutex does not record its owner)\n"));
  EXPECT_THAT(holder(LockKind::condition, std::nullopt),
              HasSubstr("    lock           condition variable at 0x10\n"
                        "    held by        nobody: a thread that the child does not have was to "
                        "wake it\n"));
  EXPECT_THAT(holder(LockKind::unknown, std::nullopt),
              HasSubstr("    lock           of unknown kind, at 0x10\n"
                        "    held by        unknown\n"));
  deadlock.python = {samples::frame("work", "", 0, "/srv/app.py:12")};
  EXPECT_THAT(holder(LockKind::semaphore, std::nullopt),
              HasSubstr("unknown (a Python lock does not record its owner)\n"));
}

TEST(Table, CutsLongStacksAndSaysSo) {
  DeadlockFinding deadlock = samples::suspicion();
  deadlock.stack.assign(12, samples::frame("", "", 0x40));
  deadlock.owner_stack.assign(9, samples::frame("f", "/bin/app", 1));
  deadlock.python.assign(9, samples::frame("g", "", 0));
  const std::string text = table({deadlock});
  EXPECT_THAT(text, testing::HasSubstr("    child's stack  0x40\n"));
  const std::string more = "\n                   ";
  EXPECT_THAT(text, testing::HasSubstr(more + "0x40" + more + "+2 more\n    owner's stack  f"));
  EXPECT_THAT(text, testing::EndsWith(more + "f  app+0x1" + more + "+3 more\n"));
  EXPECT_THAT(text, testing::HasSubstr(more + "g" + more + "+1 more\n    child's stack"));
  // The row, 2 of the lock, 1 reason, 1 duration, 8 + 10 + 6 frames, 3 cuts; and the header.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 33);
}

TEST(Table, BreaksLongAdviceBetweenWords) {
  DeadlockFinding deadlock = samples::suspicion();
  deadlock.advice = std::string(80, 'a') + " " + std::string(30, 'b') + " c";
  EXPECT_THAT(table({deadlock}),
              testing::EndsWith("    advice         " + std::string(80, 'a') +
                                "\n                   " + std::string(30, 'b') + " c\n"));
}

TEST(Table, TellsWhatBecameOfADeadlockedChild) {
  EXPECT_EQ(second_line(table({samples::over(true), samples::over(false)})),
            "00:00:04.000  info      python3[1234] ×5          1240 worker             resumes\n");
  ChildFinding child = samples::child(Outcome::signal, 9);
  child.deadlocked = true;
  EXPECT_THAT(table({child}), testing::EndsWith("  was stuck; malloc×1000 free×3 (exact)\n"));
  child.still_stuck = true; // to its end
  EXPECT_THAT(table({child}), testing::HasSubstr("  was stuck; "));
  child.outcome = Outcome::alive;
  EXPECT_THAT(table({child}), testing::HasSubstr("  is stuck; "));
}

TEST(Table, NamesEachOutcome) {
  const auto what = [](Outcome outcome, int status) {
    return second_line(table({samples::child(outcome, status)}));
  };
  EXPECT_THAT(what(Outcome::exec, 0), testing::HasSubstr("  exec  "));
  EXPECT_THAT(what(Outcome::alive, 0), testing::HasSubstr("  still alive  "));
  EXPECT_THAT(what(Outcome::exit, 3), testing::HasSubstr("  exited 3  "));
  EXPECT_THAT(what(Outcome::signal, 9), testing::HasSubstr("  killed by signal 9 (KILL)  "));
  EXPECT_THAT(what(Outcome::signal, 40), testing::HasSubstr("  killed by signal 40  "));
}

TEST(Table, SaysWhenAChildCalledNothing) {
  ChildFinding child = samples::child(Outcome::exit);
  child.calls.clear();
  EXPECT_THAT(table({child}), testing::EndsWith("  no unsafe calls (exact)\n"));
  child.exact = false;
  EXPECT_THAT(table({child}), testing::EndsWith("  no unsafe calls seen (not exact)\n"));
}

TEST(Table, ColorsTheSeverityOnly) {
  const std::string plain = second_line(table({samples::call()}));
  std::string colored = second_line(table({samples::call()}, true));
  EXPECT_THAT(colored, testing::HasSubstr("  \x1b[31mhigh    \x1b[0m  "));
  colored.erase(colored.find("\x1b[31m"), 5);
  colored.erase(colored.find("\x1b[0m"), 4);
  EXPECT_EQ(colored, plain);
}

TEST(Table, KeepsHostileNamesFromTheTerminal) {
  UnsafeCallFinding call = samples::call();
  call.subject = samples::hostile_subject();
  call.library = call.function = samples::hostile;
  ChildFinding child = samples::child(Outcome::exit);
  child.calls[0].function = samples::hostile;
  const Frame frame = samples::frame(samples::hostile, samples::hostile, 0, samples::hostile);
  DeadlockFinding deadlock = samples::deadlock();
  deadlock.advice = deadlock.lock.owner->comm = samples::hostile;
  deadlock.stack = deadlock.owner_stack = deadlock.python = {frame};
  const std::string text =
      table({call, child, LostFinding{.sensor = samples::hostile, .count = 1}, deadlock});
  EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                           [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5 + 8);
  EXPECT_EQ(text, valid_utf8(text));
  EXPECT_THAT(text, testing::HasSubstr("  a\\x0a\"\\x1b[31m…[1234] ×5  "));
}

} // namespace
} // namespace forkmon
