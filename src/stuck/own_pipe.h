// SPDX-License-Identifier: MIT
/// A process that waits for itself: it reads a pipe whose only writer it is.
#pragma once

#include <sys/types.h>

namespace forkmon {

/// Is the descriptor a pipe that this process has open for writing, and no other process has? Reads
/// the descriptors of every process where the first is so.
bool is_pipe_without_other_writer(pid_t pid, int fd);

} // namespace forkmon
