// SPDX-License-Identifier: MIT
/// Keeps one offender from filling the log.
#pragma once

#include "forkmon/finding.h"
#include "sinks/suppressed_lines.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace forkmon {

/// Lets through so many lines of an executable and rule in a period, and counts the others. A rule
/// is the kind of a finding with its function, lock or sensor. Critical findings always pass.
///
/// Its memory is bounded, and the number of lines with it: past `max_keys` keys in one period,
/// further ones share one.
class LogLimiter {
public:
  struct Settings {
    std::uint32_t burst = 0;            ///< lines of a key in a period; 0: there is no limit
    std::chrono::nanoseconds period{0}; ///< starts with a key's first line
    std::size_t max_keys = 1024;
  };
  explicit LogLimiter(const Settings& settings) : settings_(settings) {}

  /// From here on; what was counted is still told.
  void configure(const Settings& settings) { settings_ = settings; }

  /// May the finding be written?
  bool admits(const Finding& finding);

  /// What was left out in periods that have ended by now.
  std::vector<SuppressedLines> ended(std::uint64_t now_ns) { return end(now_ns, false); }
  /// What was left out in all periods, which end now.
  std::vector<SuppressedLines> end_all(std::uint64_t now_ns) { return end(now_ns, true); }

  /// Lines left out so far, by kind.
  const std::map<std::string, std::uint64_t>& suppressed() const { return suppressed_; }

private:
  using Key = std::pair<std::string, std::string>; ///< executable, rule
  struct Period {
    std::uint64_t start_ns = 0;
    std::uint64_t written = 0;
    std::uint64_t left_out = 0;
    Severity worst = Severity::info; ///< of those left out
  };
  std::vector<SuppressedLines> end(std::uint64_t now_ns, bool all);
  Period& period_of(Key key, std::uint64_t now_ns);
  bool has_ended(const Period& period, std::uint64_t now_ns) const;

  Settings settings_;
  std::map<Key, Period> periods_;
  std::map<std::string, std::uint64_t> suppressed_;
};

} // namespace forkmon
