// SPDX-License-Identifier: MIT
/// One run of forkmon, as the agent or as a trace.
#pragma once

#include "app/options.h"

namespace forkmon {

/// Runs until a signal, or until what is traced has ended. Returns the exit status.
int run_session(const Options& options);

} // namespace forkmon
