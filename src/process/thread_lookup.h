// SPDX-License-Identifier: MIT
/// A thread of a process, by the id under which the process knows it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

struct FoundThread {
  pid_t tid = 0;                 ///< in this pid namespace
  std::string comm;              ///< raw bytes
  std::uint64_t start_ticks = 0; ///< ticks of CLOCK_BOOTTIME, as in /proc/PID/stat
};

/// The living thread of `pid` that the process itself knows as `own_id`. Costs two small files
/// where the process shares our pid namespace; else all threads of the process are looked at, 4,096
/// at most.
std::optional<FoundThread> find_thread(pid_t pid, std::uint32_t own_id);

/// A time of CLOCK_MONOTONIC as ticks of CLOCK_BOOTTIME. Should the system have been suspended
/// since then, the result is later than that time was.
std::uint64_t boot_ticks_of(std::uint64_t monotonic_ns);

} // namespace forkmon
