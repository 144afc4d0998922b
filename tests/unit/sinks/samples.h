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
  return {.parent = {.pid = 1234, .comm = "python3", .exe = "/usr/bin/python3", .threads = 5},
          .child = {.pid = 1240, .comm = "worker"},
          .uid = 1000,
          .cgroup = "",
          .container = std::nullopt};
}

inline Subject hostile_subject() {
  Subject s = subject();
  s.parent.comm = s.child.comm = s.parent.exe = s.cgroup = hostile;
  s.container = hostile;
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
          .advice = ""};
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
