// SPDX-License-Identifier: MIT
/// What the correlator concludes, and what the sinks print, count and log.
///
/// The JSON form of these structs is a contract (docs/findings.md): fields are added, never
/// renamed.
#pragma once

#include "forkmon/container.h"
#include "forkmon/evidence.h"
#include "forkmon/frame.h"
#include "forkmon/inexact.h"
#include "forkmon/lock.h"
#include "forkmon/remedy.h"
#include "forkmon/stuck_reason.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace forkmon {

/// Ordered: a higher value is worse. See docs/findings.md for what puts a finding where.
enum class Severity { info = 0, warning = 1, high = 2, critical = 3 };

/// How a tainted child's life as one ended; `alive` where the session ended first.
enum class Outcome { exec = 1, exit = 2, signal = 3, alive = 4 };

/// The process that forked.
struct Parent {
  std::uint32_t pid = 0;
  std::string comm; ///< raw bytes, as the kernel has them
  std::string exe;  ///< path, or the file's name where the path could not be read; raw bytes
  std::uint32_t threads = 0; ///< at the fork, the forking thread included; 0: not known
  /// It lives no more. Where it had ended before anybody watched, `pid` and `threads` are 0, and
  /// `exe` and `comm` are the child's.
  bool ended = false;
};

/// The process that was made.
struct Child {
  std::uint32_t pid = 0;
  std::string comm; ///< raw bytes
};

/// What all findings have in common.
struct Subject {
  Parent parent;
  Child child;
  std::uint32_t uid = 0; ///< of the parent at the fork
  std::string cgroup;    ///< path in the cgroup hierarchy; empty where it could not be read
  std::optional<Container> container; ///< where the cgroup names one
};

/// A tainted child was made. Counted, never printed.
struct TaintedForkFinding {
  std::uint64_t time_ns = 0; ///< CLOCK_MONOTONIC, as in all findings
  Severity severity = Severity::info;
  Subject subject;
  bool adopted = false; ///< before anybody watched
  bool lives = true;    ///< its ChildFinding is still to come, and will say `was_counted`
};

/// A tainted child called an async-signal-unsafe function: the first call of each by each child.
struct UnsafeCallFinding {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::info;
  Subject subject;
  std::string function;
  std::string category;
  std::string library;
  bool is_protected = false; ///< the library makes that lock usable again in the child of fork()
  Evidence evidence = Evidence::uprobe;
  std::uint64_t since_fork_us = 0;
  std::vector<Frame> stack;
  std::string advice;
};

/// A tainted child that waits for what nobody in it can give.
struct DeadlockFinding {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::high;
  Subject subject;
  bool proof = false; ///< nothing but a signal can wake it, however long one waits
  StuckReason reason = StuckReason::none; ///< why it is only suspected
  /// Of a suspicion about the same child that this proof takes the place of.
  std::optional<Severity> suspected_before;
  std::uint32_t tid = 0;     ///< of the thread that waits
  std::uint32_t threads = 1; ///< of the child
  Lock lock;
  std::uint64_t since_fork_us = 0; ///< age of the child
  std::uint64_t waited_ms = 0;     ///< at least: since it was first seen waiting
  std::vector<Frame> stack;        ///< of the child's thread
  std::vector<Frame> owner_stack;  ///< of the owner, where it is alive and waits itself
  std::vector<Frame> python;       ///< the child's Python traceback: function and source
  Remedy remedy = Remedy::look_first;
  std::string now;    ///< who can end the hang, and how: sentences that name pids
  std::string advice; ///< who holds the lock, and what to change: the same for all children alike
};

/// A child that was reported as deadlocked goes on after all, or has ended. Printed only when it
/// goes on: its end is told by its ChildFinding.
struct DeadlockOverFinding {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::info;
  Subject subject;
  bool child_lives = false;
  bool proof = false;                          ///< as in its DeadlockFinding
  Severity reported_severity = Severity::high; ///< the same
};

/// How often a child called one function.
struct CallCount {
  std::string function;
  std::string category;
  std::string library;
  Severity severity = Severity::info;
  std::uint64_t count = 0;
};

/// A tainted child's end, by exec or otherwise.
struct ChildFinding {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::info; ///< the worst of its calls
  Subject subject;
  Outcome outcome = Outcome::alive;
  int status = 0; ///< exit status, or signal number with Outcome::signal
  std::uint64_t lifetime_us = 0;
  std::vector<CallCount> calls;
  bool exact = false; ///< it carried probes from its first instruction to its last
  Inexact inexact;    ///< why not
  /// Where probes were put on it while it lived: from when on its calls are counted.
  std::optional<std::uint64_t> counted_from_us;
  std::uint64_t unresolved_hits = 0; ///< of probes that could not be matched to a library
  bool deadlocked = false;  ///< it had a DeadlockFinding; its severity then counts here too
  bool still_stuck = false; ///< and was stuck to the end, its own or the session's
  bool was_counted = true;  ///< it had a TaintedForkFinding that said `lives`
  std::string advice;
};

/// Records that did not reach the correlator.
struct LostFinding {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::warning;
  std::string sensor;
  std::uint64_t count = 0;
};

using Finding = std::variant<TaintedForkFinding, UnsafeCallFinding, DeadlockFinding,
                             DeadlockOverFinding, ChildFinding, LostFinding>;

/// The contract's spelling of each enum.
const char* to_string(Severity severity);
const char* to_string(Evidence evidence);
const char* to_string(Outcome outcome);
const char* to_string(LockKind kind);
const char* to_string(Remedy remedy);

} // namespace forkmon
