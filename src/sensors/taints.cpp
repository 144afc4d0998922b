// SPDX-License-Identifier: MIT
#include "sensors/taints.h"

#include "forkmon/wire.h"
#include "process/proc.h"
#include "process/process_id.h"

#include <bpf/bpf.h>

#include <cerrno>

namespace forkmon {

std::optional<Fd> TaintMap::find(const ChildKey& key) const {
  auto pidfd = open_pidfd(static_cast<pid_t>(key.pid));
  if (!pidfd)
    return std::nullopt;
  fm_taint taint{};
  bool is_it = map_.look_up(pidfd->get(), &taint) == 0 &&
               taint.child.fork_time_ns == key.fork_time_ns && taint.ended == 0;
  if (!is_it || has_ended(*pidfd))
    return std::nullopt;
  return std::move(*pidfd);
}

Outcome TaintMap::outcome_of(const ChildRef& child) const {
  auto pidfd = open_pidfd(static_cast<pid_t>(child.key.pid));
  if (!pidfd)
    return pidfd.error().code == ESRCH ? Outcome::exit : Outcome::alive;
  if (has_ended(*pidfd))
    return Outcome::exit;
  fm_taint taint{};
  const int error = map_.look_up(pidfd->get(), &taint);
  if (error != 0 && error != -ENOENT)
    return Outcome::alive;
  if (error == 0 && taint.child.fork_time_ns == child.key.fork_time_ns && taint.ended == 0)
    return Outcome::alive;
  return is_still(process_of(child)) ? Outcome::exec : Outcome::exit;
}

Status TaintMap::adopt(const ChildRef& child) const {
  auto pidfd = open_pidfd(static_cast<pid_t>(child.key.pid));
  if (!pidfd)
    return pidfd.error();
  const std::uint32_t unsure = child.unsure ? FM_CHILD_UNSURE : 0;
  fm_taint taint{};
  taint.child = {.fork_time_ns = child.key.fork_time_ns,
                 .pid = child.key.pid,
                 .parent_pid = child.parent_pid,
                 .start_ns = child.start_ticks * FM_TICK_NS,
                 .parent_start_ns = child.parent_start_ticks * FM_TICK_NS,
                 .parent_threads = child.parent_threads,
                 .flags = FM_CHILD_ADOPTED | unsure};
  if (int error = map_.update(pidfd->get(), &taint, BPF_NOEXIST); error != 0)
    return Error::from_errno("cannot taint a process", -error);
  return ok();
}

} // namespace forkmon
