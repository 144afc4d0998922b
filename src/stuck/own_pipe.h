// SPDX-License-Identifier: MIT
/// Processes that wait for themselves: each reads a pipe whose only writer it is.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <set>
#include <span>
#include <string>

namespace forkmon {

/// A process that waits in read(2).
struct PipeReader {
  pid_t pid = 0;
  pid_t parent = 0; ///< looked at first: it has the other end of most pipes
  int fd = 0;
};

/// How much is looked at in one pass over all processes.
struct PipeLimits {
  std::size_t processes = 4096;
  std::size_t descriptors = 65536;
};

/// The readers whose descriptor is a pipe that they have open for writing themselves, and no other
/// process has. One pass over the descriptors of all processes serves all readers; where it would
/// take more than the limits, nobody is returned. `root` is where /proc is.
std::set<pid_t> readers_of_own_pipes(std::span<const PipeReader> readers,
                                     const PipeLimits& limits = {},
                                     const std::string& root = "/proc");

} // namespace forkmon
