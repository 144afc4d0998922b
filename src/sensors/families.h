// SPDX-License-Identifier: MIT
/// Marks processes in the kernel as watched or armed; their children inherit the marks.
#pragma once

#include "util/result.h"

#include <sys/types.h>

#include <cstdint>

namespace forkmon {

/// The `families` map of bpf/lifecycle.bpf.c, written by pidfd so that a reused pid is never
/// marked.
class FamilyMap {
public:
  explicit FamilyMap(int map_fd) : map_fd_(map_fd) {}

  /// Adds to the flags of a process that has some; nothing happens where it has none.
  Status add(pid_t pid, std::uint32_t flags) const;
  /// Sets the flags (enum fm_family_flag) of a process; 0 takes all away.
  Status set(pid_t pid, std::uint32_t flags) const;

private:
  int map_fd_;
};

} // namespace forkmon
