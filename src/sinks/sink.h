// SPDX-License-Identifier: MIT
/// Where findings go.
#pragma once

#include "forkmon/finding.h"
#include "sinks/suppressed_lines.h"
#include "util/result.h"

namespace forkmon {

class Sink {
public:
  virtual ~Sink() = default;
  /// An Error means that this and later findings cannot be delivered (EPIPE, ENOSPC…).
  virtual Status on(const Finding& finding) = 0;
  virtual Status on(const SuppressedLines& suppressed) = 0;
};

} // namespace forkmon
