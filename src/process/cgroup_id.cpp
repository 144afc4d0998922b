// SPDX-License-Identifier: MIT
#include "process/cgroup_id.h"

#include "process/mounts.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstring>

namespace forkmon {
namespace {

// include/linux/exportfs.h of the kernel: 64 bits, which are the cgroup's id.
constexpr int fileid_kernfs = 0xfe;

/// A file_handle ends in an array of no size.
struct KernfsHandle {
  alignas(file_handle) std::array<std::byte, sizeof(file_handle) + sizeof(std::uint64_t)> bytes{};
};

Fd open_cgroup(const Fd& mount, std::uint64_t id) {
  KernfsHandle space;
  auto* handle = reinterpret_cast<file_handle*>(space.bytes.data());
  handle->handle_bytes = sizeof(id);
  handle->handle_type = fileid_kernfs;
  std::memcpy(handle->f_handle, &id, sizeof(id));
  return Fd(open_by_handle_at(mount.get(), handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

} // namespace

CgroupHierarchy::CgroupHierarchy()
    : mount_point_(mount_point_of("cgroup2")),
      mount_(mount_point_.empty()
                 ? -1
                 : open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

std::optional<std::string> CgroupHierarchy::path_of(std::uint64_t id) const {
  if (!mount_)
    return std::nullopt;
  const Fd cgroup = open_cgroup(mount_, id);
  if (!cgroup)
    return std::nullopt;
  std::array<char, PATH_MAX> path;
  const std::string link = fmt::format("/proc/self/fd/{}", cgroup.get());
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  const std::string prefix = mount_point_ + "/";
  const std::string_view text(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  if (!text.starts_with(prefix))
    return std::nullopt;
  return std::string(text.substr(mount_point_.size()));
}

} // namespace forkmon
