// SPDX-License-Identifier: MIT
/// Marks processes in the kernel as watched or armed; their children inherit the marks.
#pragma once

#include "forkmon/wire.h"
#include "util/result.h"

#include <cstdint>
#include <optional>

namespace forkmon {

/// The `families` map of bpf/lifecycle.bpf.c, written by pidfd so that a reused pid is never
/// marked.
class FamilyMap {
public:
  explicit FamilyMap(int map_fd) : map_fd_(map_fd) {}

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
  int map_fd_;
};

} // namespace forkmon
