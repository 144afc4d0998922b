// SPDX-License-Identifier: MIT
/// What is mounted where (/proc/PID/mountinfo), and which file systems may keep a reader waiting
/// for ever: those that a network or a program serves.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forkmon {

/// A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
struct Mount {
  std::string type;
  std::string root;    ///< what of the file system is mounted
  std::string place;   ///< where, as readlink(2) in this process shows it
  std::string options; ///< of the file system, still escaped
};

/// The mount of that id, as we see it, or else as process `pid` does.
std::optional<Mount> find_mount(pid_t pid, std::uint64_t mount_id);

/// White space, commas and backslashes stand there as \nnn, in octal digits.
std::string unescape_mount(std::string_view text);

/// Can the mount of that id, or the file system of that device, be relied on to answer? Looked up
/// in the mounts that process `pid` sees, then in ours and those of process 1: asking the file
/// system itself (statfs(2), stat(2)) could be what hangs. False for a mount that nobody sees; true
/// for a real disk that is not seen, as overlayfs shows files of the disk below.
bool mount_answers(pid_t pid, std::uint64_t mount_id);
bool device_answers(pid_t pid, dev_t device);

/// Is a file system of that type local? FUSE, network file systems and automounts are not. What a
/// virtual machine's host serves (9p, virtiofs) counts as a disk.
bool is_local_type(std::string_view type);

/// Where a whole file system of that type is mounted in this process's mount namespace; empty where
/// it is not.
std::string mount_point_of(std::string_view type);

} // namespace forkmon
