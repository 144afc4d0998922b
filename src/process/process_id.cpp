// SPDX-License-Identifier: MIT
#include "process/process_id.h"

#include "process/proc.h"

#include <optional>
#include <utility>

namespace forkmon {

ProcessId process_of(const ChildRef& child) {
  return {static_cast<pid_t>(child.key.pid), child.start_ticks};
}

ProcessId parent_of(const ChildRef& child) {
  return {static_cast<pid_t>(child.parent_pid), child.parent_start_ticks};
}

namespace {

std::optional<ProcStat> stat_of(const ProcessId& process) {
  if (process.pid <= 0 || process.start_ticks == 0)
    return std::nullopt;
  auto stat = read_stat(process.pid);
  if (!stat || stat->start_time != process.start_ticks)
    return std::nullopt;
  return std::move(*stat);
}

} // namespace

bool is_still(const ProcessId& process) {
  const auto stat = stat_of(process);
  return stat && !stat->has_ended();
}

bool exists(const ProcessId& process) {
  return stat_of(process).has_value();
}

} // namespace forkmon
