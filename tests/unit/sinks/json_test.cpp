// SPDX-License-Identifier: MIT
#include "sinks/json.h"

#include "sinks/samples.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace forkmon {
namespace {

const WallClock epoch(0);

bool is_one_printable_line(const std::string& line) {
  return line.size() > 1 && line.back() == '\n' &&
         std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

TEST(Json, WritesAnUnsafeCall) {
  UnsafeCallFinding call = samples::call();
  call.stack = {{.function = "getaddrinfo", .module = "/lib/libc.so.6", .offset = 16, .source = ""},
                {.function = "main", .module = "/bin/app", .offset = 32, .source = "app.c:7"}};
  EXPECT_EQ(to_json_line(call, epoch),
            R"({"kind":"unsafe_call","time":"1970-01-01T00:00:01.123456789Z","severity":"high",)"
            R"("parent":{"pid":1234,"comm":"python3","exe":"/usr/bin/python3","threads":5},)"
            R"("child":{"pid":1240,"comm":"worker"},"container":null,"uid":1000,)"
            R"("function":"getaddrinfo","category":"name_service","library":"/usr/lib/libc.so.6",)"
            R"("protected":false,"evidence":"uprobe","since_fork_us":340,)"
            R"("stack":[{"function":"getaddrinfo","module":"/lib/libc.so.6","offset":16},)"
            R"({"function":"main","module":"/bin/app","offset":32,"source":"app.c:7"}],)"
            R"("advice":"Resolve names before the fork."})"
            "\n");
}

TEST(Json, WritesAChild) {
  ChildFinding child = samples::child(Outcome::signal, 9);
  child.subject.cgroup = "/system.slice/app.service";
  child.subject.container = Container{"docker", "0123abcd"};
  EXPECT_EQ(
      to_json_line(child, epoch),
      R"({"kind":"child","time":"1970-01-01T00:00:02.000000000Z","severity":"warning",)"
      R"("parent":{"pid":1234,"comm":"python3","exe":"/usr/bin/python3","threads":5},)"
      R"("child":{"pid":1240,"comm":"worker"},"container":"0123abcd","uid":1000,)"
      R"("cgroup":"/system.slice/app.service","outcome":"signal","status":9,)"
      R"("lifetime_us":1250000,"calls":{"free":3,"malloc":1000},"exact":true,"inexact_reason":null,)"
      R"("counted_from_us":null,"unresolved_hits":0,"deadlocked":false})"
      "\n");
}

TEST(Json, WritesADeadlock) {
  EXPECT_EQ(
      to_json_line(samples::deadlock(), epoch),
      R"({"kind":"deadlock","time":"1970-01-01T00:00:03.000000000Z","severity":"critical",)"
      R"("parent":{"pid":1234,"comm":"python3","exe":"/usr/bin/python3","threads":5},)"
      R"("child":{"pid":1240,"comm":"worker"},"container":null,"uid":1000,)"
      R"("proof":true,"reason":null,"lock":{"kind":"mutex","address":"0x7f0000001040",)"
      R"("symbol":"Logger::instance()::logger"},)"
      R"("owner":{"tid":1236,"comm":"logger","alive":true,"self":false,"in_child":false,)"
      R"("forker":false},"since_fork_us":24300000,"waited_ms":1250,)"
      R"("stack":[{"function":"__lll_lock_wait","module":"/usr/lib/libc.so.6","offset":570576},)"
      R"({"function":"worker","module":"/bin/app","offset":4569,"source":"app.c:12"}],)"
      R"("owner_stack":[{"function":"read","module":"/usr/lib/libc.so.6","offset":16},)"
      R"({"function":"log_loop","module":"/bin/app","offset":32}],)"
      R"("python":[{"function":"emit","source":"/usr/lib/python3.11/logging/__init__.py:978"},)"
      R"({"function":"work","source":"/srv/app.py:12"}],"remedy":"kill_child",)"
      R"("advice":"Kill 1240. Use spawn."})"
      "\n");
}

TEST(Json, LeavesOpenWhatIsNotKnownOfADeadlock) {
  DeadlockFinding deadlock = samples::suspicion();
  deadlock.lock = {};
  EXPECT_THAT(to_json_line(deadlock, epoch),
              testing::EndsWith(
                  R"("proof":false,"reason":"it has 2 threads, and all of them wait for a futex",)"
                  R"("lock":{"kind":"unknown","address":null,"symbol":null},"owner":null,)"
                  R"("since_fork_us":710000,"waited_ms":700,)"
                  R"("stack":[],"owner_stack":[],"python":[],"remedy":"look_first","advice":""})"
                  "\n"));
}

TEST(Json, TellsOfTheEndOfADeadlockOnlyWhereTheChildGoesOn) {
  EXPECT_EQ(to_json_line(samples::over(true), epoch),
            R"({"kind":"deadlock_over","time":"1970-01-01T00:00:04.000000000Z","severity":"info",)"
            R"("parent":{"pid":1234,"comm":"python3","exe":"/usr/bin/python3","threads":5},)"
            R"("child":{"pid":1240,"comm":"worker"},"container":null,"uid":1000})"
            "\n");
  EXPECT_EQ(to_json_line(samples::over(false), epoch), "");
}

TEST(Json, SaysThatTheParentHasEnded) {
  DeadlockFinding deadlock = samples::deadlock();
  deadlock.subject.parent = {.pid = 0, .comm = "w", .exe = "/w", .threads = 0, .ended = true};
  EXPECT_THAT(
      to_json_line(deadlock, epoch),
      testing::HasSubstr(R"("parent":{"pid":0,"comm":"w","exe":"/w","threads":0,"ended":true},)"));
}

TEST(Json, SaysThatAChildWasDeadlocked) {
  ChildFinding child = samples::child(Outcome::signal, 9);
  child.deadlocked = true;
  EXPECT_EQ(nlohmann::json::parse(to_json_line(child, epoch))["deadlocked"], true);
}

TEST(Json, SumsAFunctionOfTwoLibraries) {
  ChildFinding child = samples::child(Outcome::exit);
  child.calls.push_back(samples::count("malloc", 5));
  child.calls.back().library = "/usr/lib/libjemalloc.so.2";
  const auto json = nlohmann::json::parse(to_json_line(child, epoch));
  EXPECT_EQ(json["calls"], (nlohmann::json{{"free", 3}, {"malloc", 1005}}));
}

TEST(Json, GivesAStatusOnlyToChildrenThatEnded) {
  const auto status = [](Outcome outcome) {
    return nlohmann::json::parse(to_json_line(samples::child(outcome, 3), epoch))["status"];
  };
  EXPECT_EQ(status(Outcome::exit), 3);
  EXPECT_EQ(status(Outcome::signal), 3);
  EXPECT_EQ(status(Outcome::exec), nullptr);
  EXPECT_EQ(status(Outcome::alive), nullptr);
}

TEST(Json, WritesALossWithoutProcesses) {
  EXPECT_EQ(to_json_line(LostFinding{.time_ns = 5, .sensor = "probes", .count = 12}, epoch),
            R"({"kind":"lost","time":"1970-01-01T00:00:00.000000005Z","severity":"warning",)"
            R"("sensor":"probes","count":12})"
            "\n");
}

TEST(Json, HasNoLineForATaintedFork) {
  EXPECT_EQ(to_json_line(TaintedForkFinding{}, epoch), "");
}

TEST(Json, EscapesHostileNames) {
  UnsafeCallFinding call = samples::call();
  call.subject = samples::hostile_subject();
  call.library = samples::hostile + "\x7f\u202e";
  const std::string line = to_json_line(call, epoch);
  EXPECT_TRUE(is_one_printable_line(line)) << line;
  const auto json = nlohmann::json::parse(line);
  const std::string expected = "a\n\"\x1b[31m\uFFFD";
  EXPECT_EQ(json["parent"]["comm"], expected);
  EXPECT_EQ(json["parent"]["exe"], expected);
  EXPECT_EQ(json["child"]["comm"], expected);
  EXPECT_EQ(json["cgroup"], expected);
  EXPECT_EQ(json["container"], expected);
  EXPECT_EQ(json["library"], expected + "\x7f\u202e");
}

TEST(Json, SaysWhyAChildIsNotExactAndFromWhenItIsCounted) {
  ChildFinding child = samples::child(Outcome::exit);
  child.exact = false;
  child.inexact = {InexactCause::library_unread, samples::hostile};
  child.counted_from_us = 2500;
  child.unresolved_hits = 12;
  const std::string line = to_json_line(child, epoch);
  EXPECT_TRUE(is_one_printable_line(line)) << line;
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["inexact_reason"],
            "a library that it has mapped could not be read: a\n\"\x1b[31m\uFFFD");
  EXPECT_EQ(json["counted_from_us"], 2500);
  EXPECT_EQ(json["unresolved_hits"], 12);
}

TEST(Json, EscapesHostileNamesInADeadlock) {
  DeadlockFinding deadlock = samples::suspicion();
  deadlock.lock.owner =
      LockOwner{.tid = 1, .comm = samples::hostile, .alive = false, .is_self = false};
  deadlock.python = {samples::frame(samples::hostile, "", 0, samples::hostile)};
  const std::string line = to_json_line(deadlock, epoch);
  EXPECT_TRUE(is_one_printable_line(line)) << line;
  const auto json = nlohmann::json::parse(line);
  const std::string expected = "a\n\"\x1b[31m\uFFFD";
  EXPECT_EQ(json["owner"]["comm"], expected);
  EXPECT_EQ(json["python"][0]["function"], expected);
  EXPECT_EQ(json["python"][0]["source"], expected);
}

TEST(Json, BoundsWhatItWrites) {
  UnsafeCallFinding call = samples::call();
  call.subject.parent.exe = std::string(10'000'000, '\xff');
  const std::string line = to_json_line(call, epoch);
  EXPECT_TRUE(is_one_printable_line(line));
  EXPECT_LT(line.size(), 20'000u);
}

TEST(JsonSink, WritesALineForEachFinding) {
  samples::Capture capture;
  JsonSink sink(capture.output(), epoch);
  EXPECT_TRUE(sink.on(TaintedForkFinding{}));
  EXPECT_TRUE(sink.on(samples::call()));
  EXPECT_TRUE(sink.on(samples::child(Outcome::exec)));
  EXPECT_EQ(capture.text(), to_json_line(samples::call(), epoch) +
                                to_json_line(samples::child(Outcome::exec), epoch));
}

TEST(Json, WritesSuppressedLines) {
  const SuppressedLines suppressed{.time_ns = 70 * samples::second_ns,
                                   .severity = Severity::high,
                                   .exe = samples::hostile,
                                   .rule = "unsafe_call:malloc",
                                   .count = 7,
                                   .since_ns = 10 * samples::second_ns};
  const std::string line = to_json_line(suppressed, epoch);
  EXPECT_TRUE(is_one_printable_line(line));
  EXPECT_EQ(line, R"({"kind":"suppressed","time":"1970-01-01T00:01:10.000000000Z",)"
                  R"("severity":"high","exe":"a\n\"\u001b[31m\ufffd","rule":"unsafe_call:malloc",)"
                  R"("count":7,"since":"1970-01-01T00:00:10.000000000Z"})"
                  "\n");
}

TEST(JsonSink, ReportsAFullDisk) {
  auto full = Output::open("/dev/full");
  ASSERT_TRUE(full);
  JsonSink sink(*full, epoch);
  const Status status = sink.on(samples::call());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ENOSPC);
}

} // namespace
} // namespace forkmon
