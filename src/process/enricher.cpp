// SPDX-License-Identifier: MIT
#include "process/enricher.h"

#include "process/container.h"
#include "process/proc.h"
#include "process/process_id.h"
#include "util/text.h"

#include <utility>

namespace forkmon {

void Enricher::remember(Paths& paths, const FileId& file, std::string path) {
  if (paths.size() >= max_remembered)
    paths.clear();
  paths[file] = std::move(path);
}

/// On btrfs, executables of two subvolumes may have one id.
const std::string* Enricher::find(const Paths& paths, const ForkEvent& fork) {
  auto found = paths.find(fork.exe_id);
  return found != paths.end() && base_name(found->second).starts_with(fork.exe) ? &found->second
                                                                                : nullptr;
}

/// stat(2) differs from the kernel's device and inode on btrfs and overlayfs: such a path is learnt
/// at the fork, by its name.
void Enricher::learn(const ExeEvent& exe) {
  auto running = read_executable(static_cast<pid_t>(exe.pid));
  if (running && running->file == exe.exe_id) {
    remember(paths_, exe.exe_id, running->path);
    return;
  }
  auto started = resolve_executable(exe.path);
  if (started && started->file == exe.exe_id)
    remember(paths_, exe.exe_id, started->path);
  else if (exe.path.starts_with('/'))
    remember(given_, exe.exe_id, exe.path);
}

std::string Enricher::path_of(const ForkEvent& fork) {
  if (const std::string* known = find(paths_, fork))
    return *known;
  for (const ProcessId& process : {parent_of(fork.child), process_of(fork.child)}) {
    auto exe = read_executable(process.pid);
    if (!exe || !base_name(exe->path).starts_with(fork.exe) || !is_still(process))
      continue;
    remember(paths_, fork.exe_id, exe->path);
    return exe->path;
  }
  const std::string* given = find(given_, fork);
  return given != nullptr ? *given : fork.exe;
}

/// One that forks all the time is looked at once a second.
std::optional<std::string> Enricher::cgroup_of(const ForkEvent& fork) {
  const std::uint32_t parent = fork.child.parent_pid;
  const std::uint64_t start_ticks = fork.child.parent_start_ticks;
  if (auto recent = recent_cgroups_.find(parent);
      recent != recent_cgroups_.end() && recent->second.start_ticks == start_ticks &&
      recent->second.id == fork.cgroup_id && fork.time_ns < recent->second.read_ns + cgroup_age_ns)
    return recent->second.path;
  auto path = read_cgroup_of(fork);
  if (!path || fork.parent_ended)
    return path;
  if (recent_cgroups_.size() >= max_remembered)
    recent_cgroups_.clear();
  recent_cgroups_.insert_or_assign(parent,
                                   Cgroup{start_ticks, fork.cgroup_id, fork.time_ns, *path});
  return path;
}

std::optional<std::string> Enricher::read_cgroup_of(const ForkEvent& fork) const {
  for (const ProcessId& process : {parent_of(fork.child), process_of(fork.child)})
    if (auto cgroup = read_cgroup(process.pid); cgroup && exists(process))
      return std::move(*cgroup);
  return cgroups_.path_of(fork.cgroup_id);
}

void Enricher::enrich(ForkEvent& fork) {
  fork.exe = path_of(fork);
  auto cgroup = cgroup_of(fork);
  if (!cgroup)
    return;
  fork.cgroup = std::move(*cgroup);
  fork.container = container_of(fork.cgroup);
}

} // namespace forkmon
