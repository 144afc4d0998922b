// SPDX-License-Identifier: MIT
/// What this process itself uses.
#pragma once

namespace forkmon {

/// In base units, as doubles because metrics are. What cannot be read is 0.
struct ProcessStats {
  double cpu_seconds = 0; ///< user and system, all threads
  double resident_memory_bytes = 0;
  double open_fds = 0;
  double start_time_seconds = 0; ///< since the epoch

  static ProcessStats read();
};

} // namespace forkmon
