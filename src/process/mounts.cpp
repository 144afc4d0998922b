// SPDX-License-Identifier: MIT
#include "process/mounts.h"

#include "process/proc.h"
#include "util/fd.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
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
  std::string_view options; ///< of the file system
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
  const std::string_view file_system = line.substr(separator + 3);
  return {word(line, 0), word(line, 2),        word(line, 3),
          word(line, 4), word(file_system, 0), word(file_system, 2)};
}

using Matches = std::function<bool(const MountLine&)>;

/// The first mount that matches, as `pid` sees it.
std::optional<Mount> find(pid_t pid, const Matches& matches) {
  auto text = read_proc_file(fmt::format("/proc/{}/mountinfo", pid), max_mountinfo_bytes);
  for (std::string_view rest = text ? *text : std::string_view(); !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const MountLine mount = parse_mount(rest.substr(0, end));
    if (!mount.type.empty() && matches(mount))
      return Mount{std::string(mount.type), unescape_mount(mount.root), unescape_mount(mount.place),
                   std::string(mount.options)};
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

/// Layers of an overlay may be mounted for the host's first process alone.
std::optional<std::string> find_type_anywhere(pid_t pid, const Matches& matches) {
  for (pid_t viewer : {pid, getpid(), 1})
    if (auto mount = find(viewer, matches))
      return mount->type;
  return std::nullopt;
}

/// Its root as readlink(2) shows it: below that lie the places of its mountinfo.
std::string root_of(pid_t pid) {
  std::error_code error;
  auto root = std::filesystem::read_symlink(fmt::format("/proc/{}/root", pid), error).native();
  return root == "/" ? std::string() : root;
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

std::string unescape_mount(std::string_view text) {
  constexpr std::size_t digits = 3;
  std::string plain;
  while (!text.empty()) {
    const auto code = text.substr(1, digits);
    unsigned character = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), character, 8);
    const bool is_escaped = text.front() == '\\' && code.size() == digits && error == std::errc{} &&
                            end == code.data() + digits;
    plain += is_escaped ? static_cast<char>(character) : text.front();
    text.remove_prefix(is_escaped ? digits + 1 : 1);
  }
  return plain;
}

std::optional<Mount> find_mount(pid_t pid, std::uint64_t mount_id) {
  const std::string id = std::to_string(mount_id);
  const Matches has_id = [&](const MountLine& mount) { return mount.id == id; };
  if (auto ours = find(getpid(), has_id))
    return ours;
  auto theirs = find(pid, has_id);
  if (theirs)
    theirs->place = root_of(pid) + (theirs->place == "/" ? "" : theirs->place);
  return theirs;
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
  auto mount = find(getpid(), is_whole);
  return mount ? mount->place : "";
}

} // namespace forkmon
