// SPDX-License-Identifier: MIT
#include "stuck/lock_owner.h"

#include "process/namespace_pid.h"
#include "process/process_id.h"
#include "process/thread_lookup.h"

namespace forkmon {
namespace {

FoundOwner found(FoundThread thread, Holder holder) {
  return {{static_cast<std::uint32_t>(thread.tid), std::move(thread.comm), true,
           holder == Holder::self, holder == Holder::child_thread, false},
          holder};
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
  return found(thread ? std::move(*thread) : FoundThread{waiter.pid, "", 0}, holder);
}

FoundOwner in_parent(std::uint32_t own_id, const ParentAtFork& parent) {
  auto thread = find_thread(parent.pid, own_id);
  // Asked last, so that what was read is surely the parent's.
  if (thread && was_there(*thread, parent) && is_still({parent.pid, parent.start_ticks}))
    return found(std::move(*thread), Holder::parent_thread);
  return {{own_id, "", false, false, false, false}, Holder::ended};
}

} // namespace

FoundOwner find_owner(std::uint32_t own_id, const LockWaiter& waiter, const ParentAtFork& parent) {
  if (auto thread = find_thread(waiter.pid, own_id))
    return found(std::move(*thread),
                 thread->tid == waiter.tid ? Holder::self : Holder::child_thread);
  FoundOwner owner = in_parent(own_id, parent);
  if (parent.forker_tid == 0 || static_cast<pid_t>(owner.owner.tid) != parent.forker_tid)
    return owner;
  if (parent.is_clone)
    return first_of_child(waiter);
  owner.owner.is_forker = true;
  return owner;
}

} // namespace forkmon
