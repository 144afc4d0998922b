// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

namespace forkmon {

/// The id by which a thread knows itself: its own in the innermost pid namespace. `tid` where that
/// cannot be told.
pid_t tid_in_its_namespace(pid_t pid, pid_t tid);

} // namespace forkmon
