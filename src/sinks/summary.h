// SPDX-License-Identifier: MIT
/// What a whole trace showed, in a few lines at its end.
#pragma once

#include "forkmon/finding.h"
#include "forkmon/totals.h"
#include "sinks/next_steps.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace forkmon {

/// Takes in all findings of a trace. Its memory is bounded: past 1,024 functions (by name and
/// library) or deadlocks (by parent and lock) further ones are counted together, and past 1,024
/// children that are stuck at a time no more of them are named.
class Summary {
public:
  void on(const Finding& finding);
  /// A finding was left out because the configuration allows it.
  void on_allowed() { ++allowed_; }

  /// Plain text of some lines, each with its newline. Forks and tainted children are the kernel's
  /// numbers, and right even where events were lost.
  /// `until`: what ended the trace, such as "process 12 ended"; may be empty.
  std::string render(std::uint64_t traced_us, const KernelTotals& totals,
                     const std::string& until = "") const;

private:
  struct Calls {
    Severity severity = Severity::info;
    std::uint64_t calls = 0;
    std::uint64_t children = 0;
    std::string advice;
  };
  struct Deadlocks {
    Severity severity = Severity::info;
    std::uint64_t count = 0;
    std::string advice;
  };
  using Waiting = std::pair<std::string, std::string>; // name of the parent's executable, lock
  /// A child that is stuck now.
  struct Stuck {
    Waiting key;
    bool proof = false;
    Severity severity = Severity::info;
    StuckChild child;
  };
  using Function = std::pair<std::string, std::string>; // name, library

  void add(const TaintedForkFinding& fork) { adopted_ += fork.adopted ? 1 : 0; }
  void add(const UnsafeCallFinding& call);
  void add(const DeadlockFinding& deadlock);
  void add(const DeadlockOverFinding& over);
  void take_back_suspicion(std::uint32_t child_pid);
  void add(const ChildFinding& child);
  void add_unwatched(const ChildFinding& child);
  void add(const LostFinding& lost);
  Calls& calls_of(const std::string& function, const std::string& library);
  std::string counts(std::uint64_t traced_us, const KernelTotals& totals,
                     const std::string& until) const;
  std::string by_severity() const;
  std::string deadlocks() const;
  std::string worst_functions() const;
  std::string closing_line(const KernelTotals& totals) const;
  std::string closing_of_deadlocks() const;
  std::string nothing_seen(const KernelTotals& totals) const;
  std::string unresolved(const KernelTotals& totals) const;

  std::map<Waiting, Deadlocks> deadlocks_;
  std::map<std::uint32_t, Stuck> stuck_; // by pid
  std::map<Function, Calls> functions_;
  std::array<std::uint64_t, 4> findings_{}; // unsafe calls and deadlocks, by Severity
  std::uint64_t proven_ = 0;
  std::uint64_t suspected_ = 0;
  std::uint64_t adopted_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t children_ = 0; // that ended, or outlived the session
  struct Unwatched {
    std::uint64_t children = 0;
    std::string why; // of the first one
  };
  std::map<InexactCause, Unwatched> inexact_; // of these
  std::uint64_t unresolved_children_ = 0;     // of these, those with unresolved hits
  std::uint64_t allowed_ = 0;
};

} // namespace forkmon
