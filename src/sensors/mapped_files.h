// SPDX-License-Identifier: MIT
/// Which files a process has mapped executable, by the identity that the kernel side looks them up
/// with (bpf/mapped_files.bpf.c). /proc/PID/maps cannot tell: on overlayfs it has shown the inode
/// of the overlay since Linux 6.8, while the mapping is of the file below.
#pragma once

#include "forkmon/event.h"
#include "forkmon/wire.h"
#include "process/proc.h"
#include "sensors/bpf_programs.h"
#include "util/result.h"

#include <sys/types.h>

#include <span>
#include <vector>

namespace forkmon {

/// The same for the kernel side.
fm_file to_wire(const FileId& file);

/// May be used from several threads.
class MappedFiles {
public:
  explicit MappedFiles(const BpfPrograms& programs) : programs_(programs) {}

  /// Files mapped executable into the process of a thread, each once. Empty for a zombie. What the
  /// process maps or unmaps meanwhile may be left out. Before Linux 6.1: as /proc/PID/maps shows
  /// them, which is the same there. Error: the thread is gone, or may not be read.
  Result<std::vector<MappedFile>> of(pid_t tid) const;

  /// Opens just that file of process `pid`, deleted or not, in whatever mount namespace. Error: it
  /// cannot be reached; its file system may not answer (EREMOTE); or another file has taken its
  /// place (ESTALE), as overlayfs opens the copy of a file that was copied up since it was mapped.
  /// Whether it is that file is not checked before Linux 6.1.
  Result<RegularFile> open(const MappedFile& file, pid_t pid) const;

  /// What a mapping of the open file would be of. Error: it cannot be mapped, or not be found out.
  Result<FileId> identity_of(const Fd& file) const;
  /// Is it that file? Also false where that cannot be found out.
  bool is(const FileId& file, const Fd& opened) const;

private:
  bool can_ask_kernel() const { return programs_.mapped_files_program_fd() >= 0; }
  Result<std::vector<fm_mapping>> ask_kernel(pid_t tid) const;

  const BpfPrograms& programs_;
};

/// The mappings of a process, as the kernel listed them, with the paths that /proc/PID/maps showed
/// then. Nothing: the two do not agree, because the process has mapped or unmapped something in
/// between. Each file once; those that /proc/PID/maps does not show any more are left out if
/// `is_last_look`.
std::optional<std::vector<MappedFile>> with_paths(std::span<const fm_mapping> mappings,
                                                  const AddressSpace& space, bool is_last_look);

} // namespace forkmon
