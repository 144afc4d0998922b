// SPDX-License-Identifier: MIT
#include "sensors/memory_users.h"

#include <array>
#include <cerrno>
#include <functional>

namespace forkmon {
namespace {

/// False where the list could not be read to its end.
bool for_each_task(BpfPrograms& programs,
                   const std::function<void(const fm_task_memory&)>& on_task) {
  auto tasks = programs.open_task_memory();
  if (!tasks)
    return false;
  std::array<fm_task_memory, 1024> records; // the kernel hands out whole records
  for (;;) {
    ssize_t got = read(tasks->get(), records.data(), sizeof(records));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (got <= 0)
      return got == 0;
    if (static_cast<std::size_t>(got) % sizeof(fm_task_memory) != 0)
      return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(fm_task_memory); i++)
      on_task(records[i]);
  }
}

} // namespace

MemoryCensus::MemoryCensus(std::span<const pid_t> pids) {
  for (pid_t pid : pids)
    spaces_[pid];
}

void MemoryCensus::find(const fm_task_memory& task) {
  auto found = spaces_.find(static_cast<pid_t>(task.tgid));
  if (found == spaces_.end())
    return;
  Space& space = found->second;
  if (space.mm != 0 && space.mm != task.mm)
    space.has_changed = true; // it called exec meanwhile
  space.mm = task.mm;
}

void MemoryCensus::count(const fm_task_memory& task) {
  for (auto& [pid, space] : spaces_) {
    if (space.mm != task.mm)
      continue;
    if (space.own > 0 && space.users != task.mm_users)
      space.has_changed = true;
    space.users = task.mm_users;
    if (static_cast<pid_t>(task.tgid) == pid)
      space.own++;
    else
      space.is_shared = true;
  }
}

MemoryUse MemoryCensus::use_of(const Space& space) {
  if (space.is_shared)
    return MemoryUse::shared;
  const bool is_sure = space.mm != 0 && !space.has_changed && space.own == space.users;
  return is_sure ? MemoryUse::alone : MemoryUse::unknown;
}

std::map<pid_t, MemoryUse> MemoryCensus::result() const {
  std::map<pid_t, MemoryUse> uses;
  for (const auto& [pid, space] : spaces_)
    uses[pid] = use_of(space);
  return uses;
}

std::map<pid_t, MemoryUse> memory_users(BpfPrograms& programs, std::span<const pid_t> pids) {
  MemoryCensus census(pids);
  const bool is_complete =
      for_each_task(programs, [&](const fm_task_memory& task) { census.find(task); }) &&
      for_each_task(programs, [&](const fm_task_memory& task) { census.count(task); });
  if (is_complete)
    return census.result();
  std::map<pid_t, MemoryUse> unknown;
  for (pid_t pid : pids)
    unknown[pid] = MemoryUse::unknown;
  return unknown;
}

} // namespace forkmon
