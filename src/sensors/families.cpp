// SPDX-License-Identifier: MIT
#include "sensors/families.h"

#include "process/proc.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>

namespace forkmon {

Status FamilyMap::add(pid_t pid, std::uint32_t flags) const {
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  int key = pidfd->get();
  std::uint32_t present = 0;
  if (bpf_map_lookup_elem(map_fd_, &key, &present) != 0)
    return ok();
  present |= flags;
  if (int error = bpf_map_update_elem(map_fd_, &key, &present, BPF_EXIST); error != 0)
    return Error::from_errno(fmt::format("cannot mark process {}", pid), -error);
  return ok();
}

Status FamilyMap::set(pid_t pid, std::uint32_t flags) const {
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  int key = pidfd->get();
  int error = flags != 0 ? bpf_map_update_elem(map_fd_, &key, &flags, BPF_ANY)
                         : bpf_map_delete_elem(map_fd_, &key);
  if (error != 0 && !(flags == 0 && error == -ENOENT))
    return Error::from_errno(fmt::format("cannot mark process {}", pid), -error);
  return ok();
}

} // namespace forkmon
