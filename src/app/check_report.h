// SPDX-License-Identifier: MIT
/// `forkmon --check`.
#pragma once

namespace forkmon {

/// Prints a line per sensor; 0 when the agent can do its job here, else 1.
int report_check();

} // namespace forkmon
