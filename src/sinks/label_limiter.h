// SPDX-License-Identifier: MIT
/// Keeps the number of time series bounded, whatever names processes have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace forkmon {

/// Lets the first `max_values` distinct values of a label through, and folds later ones into
/// "other". A value once let through stays, so that counters and gauges of it remain consistent.
class LabelLimiter {
public:
  explicit LabelLimiter(std::size_t max_values) : max_values_(max_values) {}

  /// What to put on the label for `raw`: printable, at most 256 columns, or "other".
  std::string value(std::string_view raw);

  /// How often a value was folded.
  std::uint64_t overflows() const { return overflows_; }

private:
  std::size_t max_values_;
  std::unordered_set<std::string> values_;
  std::uint64_t overflows_ = 0;
};

} // namespace forkmon
