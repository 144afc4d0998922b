// SPDX-License-Identifier: MIT
#include "process/enricher.h"

#include "process/proc.h"

#include <utility>

namespace forkmon {

std::string Enricher::path_of(const ForkEvent& fork) {
  if (auto known = paths_.find(fork.exe_id); known != paths_.end())
    return known->second;
  for (std::uint32_t pid : {fork.child.parent_pid, fork.child.key.pid}) {
    auto exe = read_executable(static_cast<pid_t>(pid));
    // The pid may be somebody else's by now, or the child may have called exec: the name decides
    // (stat's device and inode differ from the kernel's on btrfs and overlayfs).
    if (!exe || exe->path.substr(exe->path.rfind('/') + 1).substr(0, fork.exe.size()) != fork.exe)
      continue;
    if (paths_.size() >= max_remembered)
      paths_.clear();
    return paths_[fork.exe_id] = exe->path;
  }
  return fork.exe;
}

void Enricher::enrich(ForkEvent& fork) {
  fork.exe = path_of(fork);
  for (std::uint32_t pid : {fork.child.parent_pid, fork.child.key.pid}) {
    auto cgroup = read_cgroup(static_cast<pid_t>(pid));
    if (!cgroup)
      continue;
    fork.cgroup = std::move(*cgroup);
    fork.container = container_of(fork.cgroup);
    return;
  }
}

} // namespace forkmon
