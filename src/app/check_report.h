// SPDX-License-Identifier: MIT
/// `forkmon --check`.
#pragma once

#include <sys/types.h>

#include <optional>

namespace forkmon {

/// Prints a line per sensor, and with `pid` what is known of that process's libraries. 0 when the
/// agent can do its job here and the process could be looked at, else 1.
int report_check(std::optional<pid_t> pid);

} // namespace forkmon
