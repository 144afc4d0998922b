// SPDX-License-Identifier: MIT
/// Opening files that a watched process has chosen, without being made to wait or to read a device.
#pragma once

#include "process/address_space.h"
#include "util/fd.h"
#include "util/result.h"

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <utility>

namespace forkmon {

/// A regular file of a file system that answers (process/mounts.h), open for reading.
struct RegularFile {
  Fd fd;
  struct stat status {};
  std::uint64_t mount_id = 0; ///< as in /proc/PID/mountinfo
};

/// Why a file is not opened (EREMOTE).
Error does_not_answer(const std::string& path);

/// The file behind a mapping: through /proc/PID/map_files, which also finds files that were deleted
/// or replaced, and those of other mount namespaces; else by its path in the process's root; else,
/// when the process is gone, by its path here. The last two must have the mapping's inode.
Result<RegularFile> open_mapped(const AddressSpace& space, const Mapping& mapping);

/// What the kernel has at hand of the file behind a mapping of a process that lives, which is on a
/// file system that answers.
struct MappedStatus {
  dev_t device = 0; ///< as stat(2) shows it
  std::uint64_t inode = 0;
};
Result<MappedStatus> status_of_mapped(const AddressSpace& space, const Mapping& mapping);

/// Asks for the device of each executable mapping's file, while the process lives. It tells files
/// apart whose mappings do not, which on btrfs have device and number in common.
void note_files(AddressSpace& space);

/// Only through /proc/PID/map_files. `device` is the mapping's; `path` is for error messages.
Result<RegularFile> open_map_file(pid_t pid, std::uint64_t start, std::uint64_t end, dev_t device,
                                  const std::string& path);

/// The root of a process, if it is on a file system that answers.
class ProcessRoot {
public:
  static Result<ProcessRoot> of(pid_t pid);
  /// A path as the process sees it, symbolic links resolved within the root.
  Result<RegularFile> open(const std::string& path) const;

private:
  ProcessRoot(pid_t pid, Fd root) : pid_(pid), root_(std::move(root)) {}

  pid_t pid_;
  Fd root_;
};

/// ProcessRoot::of(pid) and its open(path).
Result<RegularFile> open_in_root_of(pid_t pid, const std::string& path);

/// A path of this mount namespace.
Result<RegularFile> open_regular(const std::string& path);

} // namespace forkmon
