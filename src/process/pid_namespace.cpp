// SPDX-License-Identifier: MIT
#include "process/pid_namespace.h"

#include "process/proc.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace forkmon {
namespace {

/// PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h, the same since Linux 3.8.
constexpr std::uint32_t first_namespace = 0xEFFFFFFC;

/// 0 where the process has ended. `process`: "self", or a number.
std::uint32_t namespace_of(std::string_view process) {
  struct stat info {};
  const auto path = fmt::format("/proc/{}/ns/pid", process);
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint32_t>(info.st_ino) : 0;
}

} // namespace

bool PidNamespace::sees_whole_host() const {
  return inode == first_namespace;
}

Result<PidNamespace> own_pid_namespace() {
  const PidNamespace own{namespace_of("self")};
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
  return std::ranges::any_of(
      all_processes(), [&](pid_t pid) { return namespace_of(std::to_string(pid)) == space.inode; });
}

} // namespace forkmon
