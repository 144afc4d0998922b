// SPDX-License-Identifier: MIT
/// What the rate limit left out of the log.
#pragma once

#include "forkmon/finding.h"

#include <cstdint>
#include <string>

namespace forkmon {

/// Lines of one executable and rule that were not written, in one period of the limit.
struct SuppressedLines {
  std::uint64_t time_ns = 0;          ///< CLOCK_MONOTONIC; the end of the period
  Severity severity = Severity::info; ///< the worst of them
  std::string exe;                    ///< of the parent; raw bytes
  std::string rule;                   ///< "KIND" or "KIND:WHAT", WHAT a function, lock or sensor
  std::uint64_t count = 0;
  std::uint64_t since_ns = 0; ///< CLOCK_MONOTONIC; the start of the period
};

} // namespace forkmon
