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
  EXPECT_THAT(table({child}), testing::EndsWith("  no unsafe calls seen\n"));
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
  const std::string text =
      table({call, child, LostFinding{.sensor = samples::hostile, .count = 1}});
  EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                           [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_EQ(text, valid_utf8(text));
  EXPECT_THAT(text, testing::HasSubstr("  a\\x0a\"\\x1b[31m…[1234] ×5  "));
}

} // namespace
} // namespace forkmon
