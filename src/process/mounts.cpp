// SPDX-License-Identifier: MIT
#include "process/mounts.h"

#include "process/proc.h"
#include "util/fd.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr std::size_t max_mountinfo_bytes = 16U << 20U;

constexpr std::string_view remote_types[] = {"afs",   "autofs", "beegfs",    "ceph",  "cifs",
                                             "coda",  "gfs2",   "glusterfs", "gpfs",  "lustre",
                                             "ncpfs", "ocfs2",  "smb3",      "vboxsf"};

/// The parts of a line in use; white space in paths is escaped there.
struct MountLine {
  std::string_view id;
  std::string_view device; ///< "major:minor"
  std::string_view root;   ///< what of the file system is mounted
  std::string_view place;
  std::string_view type;
};

std::string_view word(std::string_view text, std::size_t index) {
  for (; index > 0; index--)
    text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  return text.substr(0, text.find(' '));
}

MountLine parse_mount(std::string_view line) {
  const auto separator = line.find(" - ");
  if (separator == std::string_view::npos)
    return {};
  return {word(line, 0), word(line, 2), word(line, 3), word(line, 4),
          word(line.substr(separator + 3), 0)};
}

using Matches = std::function<bool(const MountLine&)>;
using Field = std::string_view MountLine::*;

/// A field of the first mount that matches, as `pid` sees it.
std::optional<std::string> find(pid_t pid, const Matches& matches, Field field) {
  auto text = read_proc_file(fmt::format("/proc/{}/mountinfo", pid), max_mountinfo_bytes);
  for (std::string_view rest = text ? *text : std::string_view(); !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const MountLine mount = parse_mount(rest.substr(0, end));
    if (!mount.type.empty() && matches(mount))
      return std::string(mount.*field);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

std::optional<std::string> find_type_anywhere(pid_t pid, const Matches& matches) {
  auto type = find(pid, matches, &MountLine::type);
  return type || pid == getpid() ? type : find(getpid(), matches, &MountLine::type);
}

/// Of files that live in memory alone (memfd_create(2)): a mount of the kernel's own, which is in
/// no list.
dev_t memory_device() {
  const Fd file(memfd_create("forkmon", MFD_CLOEXEC));
  struct stat status {};
  return fstat(file.get(), &status) == 0 ? status.st_dev : 0;
}

} // namespace

bool is_local_type(std::string_view type) {
  return !type.starts_with("fuse") && !type.starts_with("nfs") &&
         std::ranges::find(remote_types, type) == std::end(remote_types);
}

bool mount_answers(pid_t pid, std::uint64_t mount_id) {
  const std::string id = std::to_string(mount_id);
  auto type = find_type_anywhere(pid, [&](const MountLine& mount) { return mount.id == id; });
  return type && is_local_type(*type);
}

bool device_answers(pid_t pid, dev_t device) {
  static const dev_t in_memory = memory_device();
  if (device == in_memory)
    return true;
  const std::string name = fmt::format("{}:{}", major(device), minor(device));
  auto type = find_type_anywhere(pid, [&](const MountLine& mount) { return mount.device == name; });
  return type ? is_local_type(*type) : major(device) != 0;
}

std::string mount_point_of(std::string_view type) {
  const Matches is_whole = [&](const MountLine& mount) {
    return mount.type == type && mount.root == "/";
  };
  return find(getpid(), is_whole, &MountLine::place).value_or("");
}

} // namespace forkmon
