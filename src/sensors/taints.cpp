// SPDX-License-Identifier: MIT
#include "sensors/taints.h"

#include "forkmon/wire.h"
#include "process/proc.h"

#include <bpf/bpf.h>
#include <poll.h>

namespace forkmon {

std::optional<Fd> TaintMap::find(const ChildKey& key) const {
  auto pidfd = open_pidfd(static_cast<pid_t>(key.pid));
  if (!pidfd)
    return std::nullopt;
  pollfd poll_fd{pidfd->get(), POLLIN, 0};
  int fd = pidfd->get();
  fm_taint taint{};
  bool is_it = bpf_map_lookup_elem(map_fd_, &fd, &taint) == 0 &&
               taint.child.fork_time_ns == key.fork_time_ns && taint.ended == 0;
  if (!is_it || poll(&poll_fd, 1, 0) != 0)
    return std::nullopt;
  return std::move(*pidfd);
}

} // namespace forkmon
