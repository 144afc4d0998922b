// SPDX-License-Identifier: MIT
/// Findings that the tests of the sinks share.
#pragma once

#include "forkmon/finding.h"
#include "util/output.h"

#include <unistd.h>

#include <array>
#include <memory>
#include <string>

namespace forkmon::samples {

constexpr std::uint64_t second_ns = 1'000'000'000;
inline const std::string hostile = "a\n\"\x1b[31m\xff";

inline Subject subject() {
  return {.parent = {.pid = 1234,
                     .comm = "python3",
                     .exe = "/usr/bin/python3",
                     .threads = 5,
                     .ended = false},
          .child = {.pid = 1240, .comm = "worker"},
          .uid = 1000,
          .cgroup = "",
          .container = std::nullopt};
}

inline Subject hostile_subject() {
  Subject s = subject();
  s.parent.comm = s.child.comm = s.parent.exe = s.cgroup = hostile;
  s.container = Container{"unknown", hostile};
  return s;
}

inline UnsafeCallFinding call(std::string function = "getaddrinfo",
                              Severity severity = Severity::high) {
  return {.time_ns = second_ns + 123'456'789,
          .severity = severity,
          .subject = subject(),
          .function = std::move(function),
          .category = "name_service",
          .library = "/usr/lib/libc.so.6",
          .is_protected = false,
          .evidence = Evidence::uprobe,
          .since_fork_us = 340,
          .stack = {},
          .advice = "Resolve names before the fork."};
}

inline CallCount count(std::string function, std::uint64_t count,
                       Severity severity = Severity::warning) {
  return {.function = std::move(function),
          .category = "allocator",
          .library = "/usr/lib/libc.so.6",
          .severity = severity,
          .count = count};
}

inline ChildFinding child(Outcome outcome, int status = 0) {
  return {.time_ns = 2 * second_ns,
          .severity = Severity::warning,
          .subject = subject(),
          .outcome = outcome,
          .status = status,
          .lifetime_us = 1'250'000,
          .calls = {count("free", 3), count("malloc", 1000)},
          .exact = true,
          .inexact = {},
          .counted_from_us = std::nullopt,
          .unresolved_hits = 0,
          .deadlocked = false,
          .still_stuck = false,
          .was_counted = true,
          .advice = ""};
}

inline Frame frame(std::string function, std::string module, std::uint64_t offset,
                   std::string source = "") {
  return {std::move(function), std::move(module), offset, std::move(source)};
}

inline DeadlockFinding deadlock() {
  return {
      .time_ns = 3 * second_ns,
      .severity = Severity::critical,
      .subject = subject(),
      .proof = true,
      .reason = StuckReason::none,
      .suspected_before = std::nullopt,
      .tid = 1240,
      .threads = 1,
      .lock = {.kind = LockKind::mutex,
               .address = 0x7f0000001040,
               .symbol = "Logger::instance()::logger",
               .owner = LockOwner{.tid = 1236, .comm = "logger", .alive = true, .is_self = false}},
      .since_fork_us = 24'300'000,
      .waited_ms = 1250,
      .stack = {frame("__lll_lock_wait", "/usr/lib/libc.so.6", 0x8b4d0),
                frame("worker", "/bin/app", 0x11d9, "app.c:12")},
      .owner_stack = {frame("read", "/usr/lib/libc.so.6", 0x10),
                      frame("log_loop", "/bin/app", 0x20)},
      .python = {frame("emit", "", 0, "/usr/lib/python3.11/logging/__init__.py:978"),
                 frame("work", "", 0, "/srv/app.py:12")},
      .remedy = Remedy::kill_child,
      .now = "Kill 1240.",
      .advice = "Use spawn."};
}

/// A semaphore that nobody is known to hold, and nothing else known.
inline DeadlockFinding suspicion() {
  return {
      .time_ns = 3 * second_ns,
      .severity = Severity::high,
      .subject = subject(),
      .proof = false,
      .reason = StuckReason::all_threads_wait,
      .suspected_before = std::nullopt,
      .tid = 1240,
      .threads = 2,
      .lock = {.kind = LockKind::semaphore, .address = 0x10, .symbol = "", .owner = std::nullopt},
      .since_fork_us = 710'000,
      .waited_ms = 700,
      .stack = {},
      .owner_stack = {},
      .python = {},
      .remedy = Remedy::look_first,
      .now = "",
      .advice = ""};
}

inline DeadlockOverFinding over(bool child_lives, bool proof = true) {
  return {.time_ns = 4 * second_ns,
          .severity = Severity::info,
          .subject = subject(),
          .child_lives = child_lives,
          .proof = proof,
          .reported_severity = proof ? Severity::critical : Severity::high};
}

/// Collects what is written to output().
class Capture {
public:
  Capture() {
    int ends[2];
    if (pipe(ends) == 0) {
      reader_.reset(ends[0]);
      writer_.reset(ends[1]);
    }
    output_ = std::make_unique<Output>(*Output::on(writer_.get(), "test"));
  }
  Output& output() { return *output_; }
  /// Ends the output. What was written must fit into a pipe (64 KiB).
  std::string text() {
    output_.reset();
    writer_.reset();
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t n; (n = read(reader_.get(), buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(n));
    return text;
  }

private:
  Fd reader_, writer_;
  std::unique_ptr<Output> output_;
};

} // namespace forkmon::samples
