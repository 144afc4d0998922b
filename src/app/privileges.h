// SPDX-License-Identifier: MIT
/// The capabilities that the agent runs on (docs/privileges.md).
#pragma once

#include "util/result.h"

namespace forkmon {

/// Gives up, for good, what only the start needed: in the calling thread, and in those that it
/// starts from here on.
Status drop_start_privileges();

} // namespace forkmon
