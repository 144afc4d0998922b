// SPDX-License-Identifier: MIT
/// Which findings a user asked to see.
#pragma once

#include "app/options.h"

namespace forkmon {

class Filter {
public:
  Filter(FilterOptions options, bool all) : options_(std::move(options)), all_(all) {}

  /// Is it of a process that the filters name? Losses concern every process.
  bool concerns(const Finding& finding) const;
  /// Is it worth printing: not a mere count, and not a child that did nothing wrong (but for
  /// --all)?
  bool prints(const Finding& finding) const;

private:
  bool matches(const Subject& subject) const;
  FilterOptions options_;
  bool all_;
};

} // namespace forkmon
