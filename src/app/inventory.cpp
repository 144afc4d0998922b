// SPDX-License-Identifier: MIT
#include "app/inventory.h"

#include "process/activity.h"
#include "process/forked_processes.h"
#include "process/proc.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace forkmon {
namespace {

constexpr std::size_t max_children = 16;
constexpr std::size_t max_threads = 256;
constexpr std::size_t max_alternatives = 3;
constexpr std::size_t max_parents = 8;
/// A look at each of a million children would take its time.
constexpr std::size_t max_looks = 1024;

using Processes = std::map<pid_t, ProcStat>;

std::uint64_t age_us(const ProcStat& process) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const std::uint64_t ticks = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const std::uint64_t now_us = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                               static_cast<std::uint64_t>(now.tv_nsec) / 1000;
  const std::uint64_t start_us = process.start_time * (1'000'000 / ticks);
  return now_us > start_us ? now_us - start_us : 0;
}

ListedProcess listed(const ProcStat& process, Activity activity = Activity::unknown) {
  return {process.pid, process.comm, process.threads, age_us(process), activity};
}

std::vector<std::string> thread_names(pid_t pid) {
  std::vector<std::string> names;
  for (pid_t tid : threads_of(pid)) {
    if (names.size() >= max_threads)
      break;
    auto comm = read_file(fmt::format("/proc/{}/task/{}/comm", pid, tid), 64);
    if (comm)
      names.push_back(comm->substr(0, comm->find('\n')));
  }
  return names;
}

bool waits_for_lock(Activity activity) {
  return activity == Activity::waits_for_lock || activity == Activity::waits_for_shared_lock;
}

Processes read_processes() {
  Processes processes;
  for (pid_t pid : all_processes())
    if (auto process = read_stat(pid); process && !process->is_kernel_thread)
      processes.emplace(pid, std::move(*process));
  return processes;
}

/// The nearest ancestor that was started by exec, itself included: what -p is to be given.
const ProcStat& program_of(const ProcStat& process, const Processes& all) {
  const ProcStat* program = &process;
  for (std::size_t i = 0; i < all.size() && program->forked_no_exec; i++) {
    const auto parent = all.find(program->ppid);
    if (parent == all.end())
      break;
    program = &parent->second;
  }
  return *program;
}

bool descends_from(const ProcStat& process, pid_t ancestor, const Processes& all) {
  pid_t parent = process.ppid;
  for (std::size_t i = 0; i < all.size() && parent != ancestor; i++) {
    const auto found = all.find(parent);
    if (found == all.end())
      return false;
    parent = found->second.ppid;
  }
  return parent == ancestor;
}

/// Programs below `pid`, started by exec, that have threads or forked children with threads.
std::vector<Alternative> alternatives_below(pid_t pid) {
  const Processes all = read_processes();
  std::map<pid_t, Alternative> by_program;
  for (const auto& [id, process] : all) {
    if (!descends_from(process, pid, all))
      continue;
    const ProcStat& program = program_of(process, all);
    if (program.pid == pid || (program.pid != id && !descends_from(program, pid, all)))
      continue;
    Alternative& other = by_program[program.pid];
    other.process = listed(program);
    other.forked += id == program.pid ? 0 : 1;
    other.max_threads = std::max(other.max_threads, process.threads);
  }
  std::vector<Alternative> found;
  for (auto& [id, other] : by_program)
    if (other.max_threads > 1)
      found.push_back(std::move(other));
  std::ranges::stable_sort(found, std::ranges::greater{}, &Alternative::max_threads);
  found.resize(std::min(found.size(), max_alternatives));
  return found;
}

/// Those that wait for a lock first, the others by pid.
std::vector<ListedProcess> listed_children(const std::vector<ForkedProcess>& family, pid_t root) {
  std::vector<ListedProcess> children;
  for (const ForkedProcess& forked : family) {
    if (forked.process.pid == root || children.size() >= max_looks)
      continue;
    children.push_back(listed(forked.process, activity_of(forked.process)));
  }
  std::ranges::stable_sort(children, {}, [](const ListedProcess& child) {
    return std::pair(!waits_for_lock(child.activity), child.pid);
  });
  return children;
}

} // namespace

FamilyInventory family_inventory(pid_t pid) {
  FamilyInventory inventory;
  auto root = read_stat(pid);
  if (!root)
    return inventory;
  inventory.process = listed(*root, activity_of(*root));
  inventory.threads = thread_names(pid);
  const auto family = family_of(forked_processes(), pid);
  for (const ForkedProcess& forked : family) {
    inventory.forked_total += forked.process.pid == pid ? 0 : 1;
    if (forked.process.pid == pid && !forked.is_orphan)
      inventory.forked_by = listed(forked.parent);
  }
  inventory.is_forked = root->forked_no_exec;
  inventory.forked = listed_children(family, pid);
  const bool has_threads =
      root->threads > 1 || std::ranges::any_of(family, [](const ForkedProcess& forked) {
        return forked.process.threads > 1;
      });
  if (!has_threads)
    inventory.alternatives = alternatives_below(pid);
  inventory.forked.resize(std::min(inventory.forked.size(), max_children));
  return inventory;
}

SystemInventory system_inventory() {
  SystemInventory inventory;
  for (const auto& [pid, process] : read_processes())
    inventory.threaded += process.threads > 1 ? 1 : 0;
  std::map<pid_t, ListedParent> parents;
  for (const ForkedProcess& forked : forked_processes()) {
    inventory.orphans += forked.is_orphan ? 1 : 0;
    if (forked.is_orphan || forked.parent_threads < 2)
      continue;
    ListedParent& parent = parents[forked.parent.pid];
    parent.process = listed(forked.parent);
    parent.forked++;
    if (inventory.forked++ < max_looks && waits_for_lock(activity_of(forked.process)))
      parent.waiting++;
  }
  inventory.parents_total = parents.size();
  for (auto& [pid, parent] : parents)
    inventory.parents.push_back(std::move(parent));
  std::ranges::stable_sort(inventory.parents, std::ranges::greater{},
                           [](const ListedParent& p) { return std::tuple(p.waiting, p.forked); });
  inventory.parents.resize(std::min(inventory.parents.size(), max_parents));
  return inventory;
}

} // namespace forkmon
