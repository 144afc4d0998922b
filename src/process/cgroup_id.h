// SPDX-License-Identifier: MIT
/// From the kernel's number of a cgroup to its path, for processes that ended before anybody
/// looked.
#pragma once

#include "util/fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

/// The hierarchy of cgroup v2, as this process sees it mounted.
class CgroupHierarchy {
public:
  /// Finds the mount. Without one, no path is known.
  CgroupHierarchy();

  /// Path of the cgroup that bpf_get_current_cgroup_id() calls `id`, while it exists; nothing for
  /// the root, where processes are on a host that uses v1. Needs CAP_DAC_READ_SEARCH.
  std::optional<std::string> path_of(std::uint64_t id) const;

private:
  std::string mount_point_;
  Fd mount_;
};

} // namespace forkmon
