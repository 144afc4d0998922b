// SPDX-License-Identifier: MIT
/// Opening files that a watched process has chosen, without being made to wait or to read a device.
#pragma once

#include "process/address_space.h"
#include "util/fd.h"
#include "util/result.h"

#include <sys/stat.h>

#include <string>

namespace forkmon {

/// A regular file of a file system that answers (process/mounts.h), open for reading.
struct RegularFile {
  Fd fd;
  struct stat status {};
};

/// The file behind a mapping: through /proc/PID/map_files, which also finds files that were deleted
/// or replaced, and those of other mount namespaces; else by its path in the process's root; else,
/// when the process is gone, by its path here. The last two must have the mapping's inode.
Result<RegularFile> open_mapped(const AddressSpace& space, const Mapping& mapping);

/// Only through /proc/PID/map_files. `device` is the mapping's; `path` is for error messages.
Result<RegularFile> open_map_file(pid_t pid, std::uint64_t start, std::uint64_t end, dev_t device,
                                  const std::string& path);

/// A path as the process sees it, symbolic links resolved within its root.
Result<RegularFile> open_in_root_of(pid_t pid, const std::string& path);

/// A path of this mount namespace.
Result<RegularFile> open_regular(const std::string& path);

} // namespace forkmon
