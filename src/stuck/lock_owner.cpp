// SPDX-License-Identifier: MIT
#include "stuck/lock_owner.h"

#include "process/namespace_pid.h"
#include "process/proc.h"
#include "process/process_id.h"
#include "process/thread_lookup.h"

namespace forkmon {
namespace {

/// Generations of processes above the parent.
constexpr int max_ancestors = 8;

FoundOwner found(FoundThread thread, Holder holder, pid_t process) {
  return {{static_cast<std::uint32_t>(thread.tid), std::move(thread.comm), true,
           holder == Holder::self, holder == Holder::child_thread, false},
          holder,
          process};
}

/// Its start is in ticks of 10 ms: one of the tick of the fork is taken for older, because its id
/// would have to be that of a thread that had just ended, and ids are given out in turn.
bool was_there(const FoundThread& thread, const ParentAtFork& parent) {
  return thread.start_ticks <= boot_ticks_of(parent.fork_time_ns);
}

/// The child's first thread, which goes by another thread's id.
FoundOwner first_of_child(const LockWaiter& waiter) {
  auto thread = find_thread(
      waiter.pid, static_cast<std::uint32_t>(tid_in_its_namespace(waiter.pid, waiter.pid)));
  const Holder holder = waiter.tid == waiter.pid ? Holder::self : Holder::child_thread;
  return found(thread ? std::move(*thread) : FoundThread{waiter.pid, "", 0}, holder, waiter.pid);
}

FoundOwner ended(std::uint32_t own_id) {
  return {{own_id, "", false, false, false, false}, Holder::ended, 0};
}

/// Of a process that a thread of the parent's own was copied from. Should the parent have another
/// parent by now, because its own has ended, then nobody is mistaken for the owner either: ids are
/// given out once at a time, and the thread must have had its id before the parent was forked.
FoundOwner in_ancestors(std::uint32_t own_id, const ParentAtFork& parent) {
  auto descendant = read_stat(parent.pid);
  if (!descendant || descendant->start_time != parent.start_ticks)
    return ended(own_id);
  for (int i = 0; i < max_ancestors && descendant->forked_no_exec; i++) {
    auto process = read_stat(descendant->ppid);
    if (!process)
      break;
    auto thread = find_thread(process->pid, own_id);
    if (thread && thread->start_ticks <= descendant->start_time &&
        is_still({process->pid, process->start_time}))
      return found(std::move(*thread), Holder::ancestor_thread, process->pid);
    descendant = std::move(process);
  }
  return ended(own_id);
}

FoundOwner in_parent(std::uint32_t own_id, const ParentAtFork& parent) {
  auto thread = find_thread(parent.pid, own_id);
  // Asked last, so that what was read is surely the parent's.
  if (thread && was_there(*thread, parent) && is_still({parent.pid, parent.start_ticks}))
    return found(std::move(*thread), Holder::parent_thread, parent.pid);
  return in_ancestors(own_id, parent);
}

} // namespace

FoundOwner find_owner(std::uint32_t own_id, const LockWaiter& waiter, const ParentAtFork& parent) {
  if (auto thread = find_thread(waiter.pid, own_id))
    return found(std::move(*thread),
                 thread->tid == waiter.tid ? Holder::self : Holder::child_thread, waiter.pid);
  FoundOwner owner = in_parent(own_id, parent);
  if (parent.forker_tid == 0 || static_cast<pid_t>(owner.owner.tid) != parent.forker_tid)
    return owner;
  if (parent.is_clone)
    return first_of_child(waiter);
  owner.owner.is_forker = true;
  return owner;
}

} // namespace forkmon
