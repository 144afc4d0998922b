// SPDX-License-Identifier: MIT
#include "sensors/task_map.h"

#include "process/proc.h"

#include <bpf/bpf.h>

#include <cerrno>

namespace forkmon {

std::optional<std::uint32_t> TaskMap::key_of(int pidfd) const {
  if (key_ == Key::pidfd)
    return static_cast<std::uint32_t>(pidfd);
  if (const auto pid = pid_of(pidfd))
    return static_cast<std::uint32_t>(*pid);
  return std::nullopt;
}

int TaskMap::look_up(int pidfd, void* value) const {
  const auto key = key_of(pidfd);
  return key ? bpf_map_lookup_elem(map_fd_, &*key, value) : -ENOENT;
}

int TaskMap::update(int pidfd, const void* value, std::uint64_t flags) const {
  const auto key = key_of(pidfd);
  return key ? bpf_map_update_elem(map_fd_, &*key, value, flags) : -ESRCH;
}

int TaskMap::erase(int pidfd) const {
  const auto key = key_of(pidfd);
  return key ? bpf_map_delete_elem(map_fd_, &*key) : -ENOENT;
}

} // namespace forkmon
