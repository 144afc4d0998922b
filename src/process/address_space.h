// SPDX-License-Identifier: MIT
/// What is mapped where in a process, from /proc/PID/maps (proc(5)).
#pragma once

#include "util/result.h"

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// One line of /proc/PID/maps.
struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0; ///< first address after it
  std::uint64_t file_offset = 0;
  dev_t dev = 0;
  std::uint64_t inode = 0; ///< 0 for memory that is of no file
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool is_shared = false; ///< MAP_SHARED; else it is copied when somebody writes to it
  dev_t file_dev = 0;     ///< of its file as stat(2) shows it; 0: not asked, see note_files()
  std::string path; ///< raw bytes; "[stack]" and the like as the kernel has them; may be empty
};

/// The mappings of one process at one moment, ordered by address. A plain value: it can be kept
/// beyond the life of the process.
class AddressSpace {
public:
  /// Reads /proc/PID/maps. Error: the process is gone, or it may not be read.
  static Result<AddressSpace> of(pid_t pid);

  /// Parses the text of a maps file. Lines that make no sense are left out, as are those after the
  /// first 65,536 (the kernel's own default limit, vm.max_map_count, is below that).
  static AddressSpace parse(std::string_view text, pid_t pid = 0);

  /// The mapping that holds `address`, or null.
  const Mapping* find(std::uint64_t address) const;
  std::span<const Mapping> mappings() const { return mappings_; }
  std::span<Mapping> mappings() { return mappings_; }

  /// The process through which mapped files are opened.
  pid_t pid() const { return pid_; }

private:
  std::vector<Mapping> mappings_;
  pid_t pid_ = 0;
};

} // namespace forkmon
