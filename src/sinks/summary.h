// SPDX-License-Identifier: MIT
/// What a whole trace showed, in a few lines at its end.
#pragma once

#include "forkmon/finding.h"
#include "forkmon/totals.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace forkmon {

/// Takes in all findings of a trace. Its memory is bounded: past 1,024 functions (by name and
/// library) or deadlocks (by parent and lock) further ones are counted together.
class Summary {
public:
  void on(const Finding& finding);
  /// A finding was left out because the configuration allows it.
  void on_allowed() { ++allowed_; }

  /// Plain text of some lines, each with its newline. Forks and tainted children are the kernel's
  /// numbers, and right even where events were lost.
  std::string render(std::uint64_t traced_us, const KernelTotals& totals) const;

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
  using Waiting = std::pair<std::string, std::string>;  // name of the parent's executable, lock
  using Function = std::pair<std::string, std::string>; // name, library

  void add(const TaintedForkFinding&) {}
  void add(const UnsafeCallFinding& call);
  void add(const DeadlockFinding& deadlock);
  void add(const DeadlockOverFinding&) {}
  void add(const ChildFinding& child);
  void add(const LostFinding& lost);
  Calls& calls_of(const std::string& function, const std::string& library);
  std::string counts(std::uint64_t traced_us, const KernelTotals& totals) const;
  std::string by_severity() const;
  std::string deadlocks() const;
  std::string worst_functions() const;
  std::string closing_line() const;

  std::map<Waiting, Deadlocks> deadlocks_;
  std::map<Function, Calls> functions_;
  std::array<std::uint64_t, 4> findings_{}; // unsafe calls and deadlocks, by Severity
  std::uint64_t proven_ = 0;
  std::uint64_t suspected_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t allowed_ = 0;
};

} // namespace forkmon
