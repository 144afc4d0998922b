// SPDX-License-Identifier: MIT
/// What /proc says of a process (proc(5)). Everything read here was written by somebody else.
#pragma once

#include "forkmon/event.h"
#include "process/address_space.h"
#include "process/safe_open.h"
#include "util/fd.h"
#include "util/result.h"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// The parts of /proc/PID/stat in use.
struct ProcStat {
  pid_t pid = 0;
  std::string comm; ///< raw bytes
  char state = '?';
  pid_t ppid = 0;
  std::uint32_t threads = 0;
  std::uint64_t start_time = 0; ///< clock ticks after boot: with the pid, a name for ever
  /// Of the memory map; no addresses where it may not be read. A fork keeps them, an exec sets them
  /// anew.
  std::uint64_t start_code = 0;
  std::uint64_t end_code = 0;
  std::uint64_t start_stack = 0;
  bool is_kernel_thread = false; ///< PF_KTHREAD
  bool forked_no_exec = false;   ///< PF_FORKNOEXEC
  bool is_exiting = false;       ///< PF_EXITING: past all code of the program
  bool is_worker = false;        ///< PF_IO_WORKER, PF_USER_WORKER: of io_uring or vhost

  /// A zombie. Where only its first thread has ended, a process lives on.
  bool has_ended() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};

Result<ProcStat> read_stat(pid_t pid);
Result<ProcStat> read_stat(pid_t pid, pid_t tid);
/// The same from the file's text.
Result<ProcStat> parse_stat(std::string_view text);

/// Names in a directory of /proc that are numbers: pids, tids or descriptors.
std::vector<pid_t> numbers_in(const std::string& directory);

/// Process ids, those of this pid namespace.
std::vector<pid_t> all_processes();

/// Thread ids; empty when the process has ended.
std::vector<pid_t> threads_of(pid_t pid);

/// Threads of the process that run its code, and so may hold its locks: not those that have ended
/// but are not gone yet, nor what the kernel runs in it for io_uring and vhost. Looks at 1,024.
std::uint32_t running_threads(const ProcStat& process);

Result<Fd> open_pidfd(pid_t pid);
/// Of a thread that need not be the first of its process (PIDFD_THREAD): since Linux 6.9.
Result<Fd> open_thread_pidfd(pid_t tid);
bool has_ended(const Fd& pidfd);
/// The pid that a pidfd is of, in the pid namespace of /proc; nothing once it has been reaped.
std::optional<pid_t> pid_of(int pidfd);

/// Do the two share one address space (CLONE_VM), as after vfork? False also where the kernel does
/// not tell (kcmp(2)), so that no proof may rest on it.
bool share_memory(pid_t one, pid_t other);

/// A whole small file, up to `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 1U << 20U);

/// All of a file of /proc, whose size cannot be known beforehand. Error: larger than `limit` bytes.
Result<std::string> read_proc_file(const std::string& path, std::size_t limit);

/// The executable's path and file; with " (deleted)" as the kernel prints it.
struct Executable {
  std::string path;
  FileId file;
};
Result<Executable> read_executable(pid_t pid);
/// The file behind an absolute path, links followed.
Result<Executable> resolve_executable(const std::string& path);

/// Path of the process in the cgroup hierarchy: of v2's, systemd's and the first the one that names
/// a container (on a host with both versions, v2's may be that of the container's daemon), else the
/// first that there is, v2's only where it is not the root.
Result<std::string> read_cgroup(pid_t pid);
std::string parse_cgroup(std::string_view text);

/// The device in the form of stat(2).
dev_t device_of(const FileId& file);

/// One file mapped executable.
struct MappedFile {
  /// As /proc/PID/maps shows it, or, from sensors/mapped_files.h, as the kernel's vm_area_struct
  /// has it. On overlayfs these differ since Linux 6.8, and stat(2) differs there and on btrfs.
  FileId file;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0; ///< of `start`
  dev_t device = 0;              ///< of the mount, as /proc/PID/maps shows it
  std::string path;              ///< in the process's own mount namespace
};
/// Files mapped executable into a process, each once, as /proc/PID/maps shows them.
Result<std::vector<MappedFile>> mapped_files(pid_t pid);
std::vector<MappedFile> executable_files(const AddressSpace& space);

/// Opens just this file of the process, deleted or not, in whatever namespace.
Result<RegularFile> open_mapped(const MappedFile& file, pid_t pid);

} // namespace forkmon
