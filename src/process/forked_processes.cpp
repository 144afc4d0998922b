// SPDX-License-Identifier: MIT
#include "process/forked_processes.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
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

/// Anybody may have as many threads as they like; some old ones are enough.
constexpr std::size_t max_threads_read = 256;

/// When the threads of a process were started, its first one left out.
using ThreadStarts = std::vector<std::uint64_t>;

ThreadStarts thread_starts(pid_t pid) {
  ThreadStarts starts;
  for (pid_t tid : threads_of(pid)) {
    if (starts.size() >= max_threads_read)
      break;
    if (tid == pid)
      continue;
    auto thread = read_stat(tid);
    if (thread && !thread->is_worker && !thread->is_exiting)
      starts.push_back(thread->start_time);
  }
  return starts;
}

/// What is known of a parent, looked at once.
struct SeenParent {
  std::uint32_t threads = 0;
  ThreadStarts starts;
};

SeenParent look_at(const ProcStat& parent) {
  return {running_threads(parent), parent.threads > 1 ? thread_starts(parent.pid) : ThreadStarts()};
}

/// Ticks are 10 ms: of one that was started in the tick of the fork, nobody knows.
std::uint32_t threads_at_fork(const ProcStat& process, const ThreadStarts& starts) {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      starts, [&](std::uint64_t start) { return start < process.start_time; }));
}

/// A map that may not be read, of two processes that have the same privileges at the fork, is
/// another one. A first thread that has ended has none to show.
bool has_same_map(const ProcStat& parent, const ProcStat& process) {
  const bool is_shown = parent.state != 'Z' && process.state != 'Z';
  return !is_shown ||
         (parent.start_stack == process.start_stack && parent.start_code == process.start_code &&
          parent.end_code == process.end_code);
}

void describe_parent(const ForkedProcess& forked, ForkEvent& fork) {
  fork.parent_ended = forked.is_orphan;
  fork.child.unsure = forked.threads_at_fork == 0;
  if (forked.is_orphan) {
    fork.parent_comm = forked.process.comm;
    return;
  }
  fork.child.parent_pid = static_cast<std::uint32_t>(forked.parent.pid);
  fork.child.parent_start_ticks = forked.parent.start_time;
  fork.child.parent_threads =
      fork.child.unsure ? forked.parent_threads : forked.threads_at_fork + 1;
  fork.parent_tid = fork.child.parent_pid;
  fork.parent_comm = forked.parent.comm;
}

} // namespace

bool can_have_forked(const ProcStat& parent, const ProcStat& process) {
  return parent.start_time <= process.start_time && has_same_map(parent, process);
}

std::vector<ForkedProcess> forked_processes() {
  std::vector<ForkedProcess> forked;
  std::map<pid_t, SeenParent> parents; // each looked at once
  for (pid_t pid : all_processes()) {
    auto process = read_stat(pid);
    if (!process || !process->forked_no_exec || process->is_kernel_thread || process->has_ended())
      continue;
    if (process->ppid == getpid())
      continue; // our own helper, which calls nothing unsafe
    if (share_memory(process->pid, process->ppid))
      continue; // made by vfork or clone: its other threads go on
    auto parent = read_stat(process->ppid);
    if (!parent) // it has just ended, or stands outside of this pid namespace
      continue;
    ForkedProcess found{std::move(*process), std::move(*parent)};
    found.is_orphan = !can_have_forked(found.parent, found.process);
    if (!found.is_orphan) {
      auto [entry, is_new] = parents.try_emplace(found.parent.pid);
      if (is_new)
        entry->second = look_at(found.parent);
      found.parent_threads = entry->second.threads;
      found.threads_at_fork = threads_at_fork(found.process, entry->second.starts);
    }
    forked.push_back(std::move(found));
  }
  return forked;
}

std::vector<ForkedProcess> family_of(const std::vector<ForkedProcess>& all, pid_t root) {
  std::vector<ForkedProcess> family;
  std::set<pid_t> members{root};
  for (std::size_t before = 0; before != members.size();) { // parents may come after children
    before = members.size();
    for (const ForkedProcess& forked : all)
      if (members.contains(forked.process.ppid) && !forked.is_orphan)
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
  fork.child.start_ticks = forked.process.start_time;
  fork.child.adopted = true;
  if (auto exe = read_executable(forked.process.pid)) {
    fork.exe = exe->path.substr(exe->path.rfind('/') + 1);
    fork.exe_id = exe->file;
  }
  fork.uid = uid_of(forked.process.pid);
  fork.child_comm = forked.process.comm;
  describe_parent(forked, fork);
  return fork;
}

} // namespace forkmon
