// SPDX-License-Identifier: MIT
/// What a process does at the moment, in a word.
#pragma once

#include "forkmon/inventory.h"
#include "process/proc.h"
#include "process/wait_state.h"

#include <optional>
#include <string_view>

namespace forkmon {

/// `state`: of /proc/PID/stat. `wait`: of /proc/PID/syscall, where it could be read. `target`: what
/// the descriptor that it reads from is, as readlink of /proc/PID/fd/N says; may be empty.
Activity activity_of(char state, const std::optional<WaitState>& wait, std::string_view target);

/// Of a process, by one look at its first thread. It is not stopped for that.
Activity activity_of(const ProcStat& process);

} // namespace forkmon
