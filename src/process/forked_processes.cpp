// SPDX-License-Identifier: MIT
#include "process/forked_processes.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <set>

namespace forkmon {
namespace {

std::int64_t now_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// /proc counts in ticks of CLOCK_BOOTTIME, events in nanoseconds of CLOCK_MONOTONIC.
std::uint64_t monotonic_of(std::uint64_t start_ticks) {
  std::int64_t suspended = now_of(CLOCK_BOOTTIME) - now_of(CLOCK_MONOTONIC);
  std::int64_t tick_ns = 1'000'000'000LL / sysconf(_SC_CLK_TCK);
  std::int64_t started = static_cast<std::int64_t>(start_ticks) * tick_ns - suspended;
  return started > 0 ? static_cast<std::uint64_t>(started) : 0;
}

std::uint32_t uid_of(pid_t pid) {
  struct stat info {};
  const std::string path = "/proc/" + std::to_string(pid);
  return stat(path.c_str(), &info) == 0 ? info.st_uid : 0;
}

} // namespace

std::vector<ForkedProcess> forked_processes() {
  std::vector<ForkedProcess> forked;
  for (pid_t pid : all_processes()) {
    auto process = read_stat(pid);
    if (!process || !process->forked_no_exec || process->is_kernel_thread || process->state == 'Z')
      continue;
    if (share_memory(process->pid, process->ppid))
      continue; // made by vfork or clone: its other threads go on
    if (auto parent = read_stat(process->ppid))
      forked.push_back({std::move(*process), std::move(*parent)});
  }
  return forked;
}

std::vector<ForkedProcess> family_of(const std::vector<ForkedProcess>& all, pid_t root) {
  std::vector<ForkedProcess> family;
  std::set<pid_t> members{root};
  for (std::size_t before = 0; before != members.size();) { // parents may come after children
    before = members.size();
    for (const ForkedProcess& forked : all)
      if (members.contains(forked.process.ppid))
        members.insert(forked.process.pid);
  }
  for (const ForkedProcess& forked : all)
    if (members.contains(forked.process.pid))
      family.push_back(forked);
  return family;
}

ForkEvent past_fork(const ForkedProcess& forked) {
  ForkEvent fork;
  fork.time_ns = monotonic_of(forked.process.start_time);
  fork.child.key = {static_cast<std::uint32_t>(forked.process.pid), fork.time_ns};
  fork.child.parent_pid = static_cast<std::uint32_t>(forked.parent.pid);
  fork.child.parent_start_ticks = forked.parent.start_time;
  fork.child.adopted = true;
  fork.child.parent_threads = forked.parent.threads;
  if (auto exe = read_executable(forked.process.pid)) {
    fork.exe = exe->path.substr(exe->path.rfind('/') + 1);
    fork.exe_id = exe->file;
  }
  fork.uid = uid_of(forked.process.pid);
  fork.parent_tid = fork.child.parent_pid;
  fork.parent_comm = forked.parent.comm;
  fork.child_comm = forked.process.comm;
  return fork;
}

} // namespace forkmon
