// SPDX-License-Identifier: MIT
/// Asks the kernel whether a process is (still) a certain tainted child.
#pragma once

#include "forkmon/event.h"
#include "forkmon/finding.h"
#include "sensors/task_map.h"
#include "util/fd.h"
#include "util/result.h"

#include <optional>

namespace forkmon {

/// The `taints` map of bpf/task_maps.bpf.h.
class TaintMap {
public:
  explicit TaintMap(TaskMap map) : map_(map) {}

  /// A pidfd of the child; nothing when it has ended or called exec.
  std::optional<Fd> find(const ChildKey& key) const;

  /// What has become of a child: alive while it is tainted, exec, or exit where it is not known how
  /// it ended. Where the kernel cannot be asked, as without a free descriptor, it counts as alive.
  Outcome outcome_of(const ChildRef& child) const;

  /// Taints a child whose fork nobody watched: the kernel then tells its calls and its end.
  Status adopt(const ChildRef& child) const;

private:
  TaskMap map_;
};

} // namespace forkmon
