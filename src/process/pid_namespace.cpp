// SPDX-License-Identifier: MIT
#include "process/pid_namespace.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace forkmon {
namespace {

/// PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same since Linux 3.8.
constexpr std::uint32_t first_namespace = 0xEFFFFFFC;

/// 0 where the process has ended.
std::uint32_t namespace_of(const std::filesystem::path& process) {
  struct stat info {};
  return stat((process / "ns/pid").c_str(), &info) == 0 ? static_cast<std::uint32_t>(info.st_ino)
                                                        : 0;
}

bool is_process(const std::filesystem::path& entry) {
  return std::ranges::all_of(entry.filename().string(),
                             [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

bool PidNamespace::sees_whole_host() const {
  return inode == first_namespace;
}

Result<PidNamespace> own_pid_namespace() {
  const PidNamespace own{namespace_of("/proc/self")};
  if (own.inode == 0)
    return Error{"/proc is not mounted: mount -t proc proc /proc"};
  std::error_code error;
  const auto shown = std::filesystem::read_symlink("/proc/self", error).string();
  if (shown != std::to_string(getpid()))
    return Error{"/proc is that of another pid namespace: mount one of this, mount -t proc proc "
                 "/proc"};
  return own;
}

bool is_inhabited(PidNamespace space) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error))
    if (is_process(entry.path()) && namespace_of(entry.path()) == space.inode)
      return true;
  return false;
}

} // namespace forkmon
