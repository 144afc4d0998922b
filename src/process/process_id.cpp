// SPDX-License-Identifier: MIT
#include "process/process_id.h"

#include "process/proc.h"

namespace forkmon {

ProcessId parent_of(const ChildRef& child) {
  return {static_cast<pid_t>(child.parent_pid), child.parent_start_ticks};
}

bool is_still(const ProcessId& process) {
  if (process.pid <= 0 || process.start_ticks == 0)
    return false;
  auto stat = read_stat(process.pid);
  return stat && stat->start_time == process.start_ticks && !stat->has_ended();
}

} // namespace forkmon
