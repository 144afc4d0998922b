// SPDX-License-Identifier: MIT
/// What is mounted where (/proc/PID/mountinfo), and which file systems may keep a reader waiting
/// for ever: those that a network or a program serves.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace forkmon {

/// Can the mount of that id, or the file system of that device, be relied on to answer? Looked up
/// in the mounts that process `pid` sees, then in ours (/proc/PID/mountinfo): asking the file
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
