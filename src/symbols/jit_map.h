// SPDX-License-Identifier: MIT
/// Names of functions that a just-in-time compiler made, from /tmp/perf-PID.map: lines of
/// "START SIZE name", hexadecimal (tools/perf/Documentation/jit-interface.txt of Linux).
#pragma once

#include "process/safe_open.h"
#include "util/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forkmon {

class JitMap {
public:
  /// The map of a live process, as it stands in its own mount and pid namespace. Error: there is
  /// none, it is larger than 16 MiB, or it belongs to neither root nor the process's user.
  static Result<JitMap> of(pid_t pid);

  /// The function that covers `address`.
  std::optional<std::string> find(std::uint64_t address) const;

  /// Whether the map has grown or was replaced since it was read.
  bool is_same_file(pid_t pid) const;

private:
  struct Entry {
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t name_offset; ///< in the file
    std::uint32_t name_size;
  };

  static Result<RegularFile> open(pid_t pid);
  void read_entries();
  void add_line(std::string_view line, std::uint32_t offset);

  pid_t pid_ = 0;
  RegularFile file_;
  std::vector<Entry> entries_; ///< by address; of equal ones the latest is last
};

} // namespace forkmon
