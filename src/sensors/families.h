// SPDX-License-Identifier: MIT
/// Marks processes in the kernel as watched or armed; their children inherit the marks.
#pragma once

#include "forkmon/wire.h"
#include "sensors/task_map.h"
#include "util/result.h"

#include <cstdint>
#include <optional>

namespace forkmon {

/// The `families` map of bpf/task_maps.bpf.h.
class FamilyMap {
public:
  explicit FamilyMap(TaskMap map) : map_(map) {}

  /// What a process is marked with; nothing where it has no mark, or has ended.
  std::optional<fm_family> find(int pidfd) const;
  /// Adds to the flags (enum fm_family_flag) of a process that is marked; nothing happens where it
  /// is not.
  Status add_flags(int pidfd, std::uint32_t flags) const;
  /// Marks a process.
  Status set(int pidfd, const fm_family& family) const;
  /// Takes the mark off, where there is one.
  Status clear(int pidfd) const;

private:
  TaskMap map_;
};

} // namespace forkmon
