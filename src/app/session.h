// SPDX-License-Identifier: MIT
/// One run of forkmon, as the agent or as a trace.
#pragma once

#include "app/options.h"

#include <functional>

namespace forkmon {

/// Runs until a signal, or until what is traced has ended. Returns the exit status.
/// `reread` gives the options as they are now, for an agent that is told to reload.
int run_session(const Options& options, std::function<Result<Options>()> reread);

} // namespace forkmon
