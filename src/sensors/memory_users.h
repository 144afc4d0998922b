// SPDX-License-Identifier: MIT
/// Does anybody but a process's own threads use its memory?
#pragma once

#include "forkmon/task_memory.h"
#include "sensors/bpf_programs.h"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>

namespace forkmon {

enum class MemoryUse {
  alone,   ///< its own threads only
  shared,  ///< another process as well (CLONE_VM)
  unknown, ///< somebody who was not seen: outside of our pid namespace, or the kernel, often only
           ///< for a moment
};

/// Adds up what the kernel tells of each task. Pure.
class MemoryCensus {
public:
  explicit MemoryCensus(std::span<const pid_t> pids);

  /// The first time through the list of tasks finds each process's address space, the second one
  /// counts the users of it.
  void find(const fm_task_memory& task);
  void count(const fm_task_memory& task);

  std::map<pid_t, MemoryUse> result() const;

private:
  struct Space {
    std::uint64_t mm = 0; ///< 0: not seen
    std::uint32_t users = 0;
    std::uint32_t own = 0;    ///< threads of the process that use it
    bool is_shared = false;   ///< a task of another process uses it
    bool has_changed = false; ///< the number of users did, from one task to the next
  };
  static MemoryUse use_of(const Space& space);

  std::map<pid_t, Space> spaces_;
};

/// Who uses the memory of these processes, in one pass over the tasks of the system. `unknown` for
/// all where the kernel does not tell: what rests on the answer must fail closed.
std::map<pid_t, MemoryUse> memory_users(BpfPrograms& programs, std::span<const pid_t> pids);

} // namespace forkmon
