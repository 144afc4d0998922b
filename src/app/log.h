// SPDX-License-Identifier: MIT
/// forkmon's own messages, on stderr.
#pragma once

#include "app/options.h"
#include "util/result.h"

namespace forkmon {

/// One line a message, without waiting to gather more.
void start_log();

void set_log_level(LogLevel level);

/// From here on no message waits for a slow reader: flush_log(), called from time to time, writes
/// what was held back. Messages past a bound are lost.
Status make_log_lossy();
void flush_log();

} // namespace forkmon
