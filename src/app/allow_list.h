// SPDX-License-Identifier: MIT
/// Findings that the configuration says are known to be safe.
#pragma once

#include "forkmon/finding.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace forkmon {

/// Globs (glob(7)); an empty one stands for all.
struct AllowRule {
  std::string exe;      ///< of the parent: its path or the path's last component
  std::string function; ///< with one, only unsafe calls of it
};

/// Takes what is allowed out of the findings, and counts it.
///
/// Allowed are unsafe calls, and by a rule without a function also suspicions of a deadlock. Never
/// a proof: it shows that what was held to be safe is not.
class AllowList {
public:
  explicit AllowList(std::vector<AllowRule> rules) : rules_(std::move(rules)) {}

  /// From here on; suspicions that were allowed before stay so until they end.
  void replace(std::vector<AllowRule> rules) { rules_ = std::move(rules); }

  /// Nothing can be allowed: rest_of() would give every finding back.
  bool is_idle() const { return rules_.empty() && suspects_.empty(); }

  /// What of the finding remains; nothing where all of it is allowed.
  std::optional<Finding> rest_of(Finding finding);

  /// Findings that were taken out, by kind.
  const std::map<std::string, std::uint64_t>& allowed() const { return allowed_; }

private:
  bool allows(const std::string& exe) const;
  bool allows(const std::string& exe, const std::string& function) const;
  bool remains(const UnsafeCallFinding& call);
  bool remains(DeadlockFinding& deadlock);
  bool remains(const DeadlockOverFinding& over) const;
  bool remains(ChildFinding& child);
  static bool remains(const TaintedForkFinding&) { return true; }
  static bool remains(const LostFinding&) { return true; }

  std::vector<AllowRule> rules_;
  std::set<std::uint32_t> suspects_; ///< pids of living children whose suspicion was allowed
  std::map<std::string, std::uint64_t> allowed_;
};

} // namespace forkmon
