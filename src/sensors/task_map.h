// SPDX-License-Identifier: MIT
/// A map of the kernel side that keeps something of a task.
#pragma once

#include <cstdint>
#include <optional>

namespace forkmon {

/// Task storage, whose key is a pidfd: a pid that is used again is never mistaken. Before Linux
/// 5.13 it is a hash map by pid (bpf/task_maps.bpf.h), and the pid is read from the pidfd, so that
/// the process must not be reaped meanwhile. Does not own the map. Errors are negative errno
/// values, as libbpf has them.
class TaskMap {
public:
  enum class Key { pidfd, pid };

  TaskMap(int map_fd, Key key) : map_fd_(map_fd), key_(key) {}

  /// Copies what is kept of the task into `value`, which has the size of the map's values.
  int look_up(int pidfd, void* value) const;
  /// `flags` as bpf_map_update_elem() takes them.
  int update(int pidfd, const void* value, std::uint64_t flags) const;
  int erase(int pidfd) const;

private:
  std::optional<std::uint32_t> key_of(int pidfd) const;

  int map_fd_;
  Key key_;
};

} // namespace forkmon
