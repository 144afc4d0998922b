// SPDX-License-Identifier: MIT
#include "stuck/lock_inspector.h"

#include "process/process_id.h"
#include "stuck/lock_owner.h"
#include "stuck/lock_words.h"
#include "stuck/wait_site.h"
#include "symbols/memory_reader.h"
#include "symbols/variable.h"

#include <fmt/format.h>
#include <linux/futex.h>

#include <string_view>

namespace forkmon {
namespace {

/// What the stack says, completed by what the memory says.
struct NamedLock {
  LockKind kind = LockKind::unknown;
  LockWords words;
};

NamedLock name_by_memory(const WaitSite& site, MemoryReader& memory, const LockWaiter& waiter) {
  const std::uint64_t futex = waiter.wait.address;
  if (auto mutex = read_mutex(memory, futex, waiter.is_32_bit, true))
    return {LockKind::mutex, *mutex};
  if (looks_like_semaphore(memory, futex, waiter.is_32_bit))
    return {LockKind::semaphore, {futex, 0, 0}};
  // A word of 1 may be anything, if it is not known to be the C library that waits for it.
  const bool is_once = site.is_in_nameless_libc && looks_like_once(memory, futex, waiter.is_32_bit);
  return {is_once ? LockKind::once : LockKind::unknown, {futex, 0, 0}};
}

NamedLock name_lock(const WaitSite& site, MemoryReader& memory, const LockWaiter& waiter) {
  const std::uint64_t futex = waiter.wait.address;
  if (waiter.wait.is_pi) // by the kernel's own rule the owner's id is in the futex
    return {site.kind == LockKind::unknown ? LockKind::mutex : site.kind,
            {futex, memory.number<std::uint32_t>(futex).value_or(0) & FUTEX_TID_MASK, 0}};
  if (site.is_mutex)
    return {site.kind,
            read_mutex(memory, futex, waiter.is_32_bit, false).value_or(LockWords{futex, 0, 0})};
  switch (site.kind) {
  case LockKind::rwlock:
    return {site.kind, read_rwlock(memory, futex, waiter.is_32_bit)};
  case LockKind::file:
  case LockKind::libc:
    return {site.kind, read_recursive(memory, futex, waiter.is_32_bit)};
  default:
    break;
  }
  return site.is_told ? NamedLock{site.kind, {futex, 0, 0}} : name_by_memory(site, memory, waiter);
}

/// The thread behind a descriptor. fork() clears the ids of the threads that the child has not, so
/// the parent is asked, too.
std::uint32_t tid_of(std::uint64_t descriptor, MemoryReader& memory, const LockWaiter& waiter,
                     const ParentAtFork& parent) {
  if (const auto tid = read_descriptor_tid(memory, descriptor, waiter.is_32_bit))
    return tid;
  ProcessMemory of_parent(parent.pid);
  const auto tid = read_descriptor_tid(of_parent, descriptor, waiter.is_32_bit);
  return is_still({parent.pid, parent.start_ticks}) ? tid : 0;
}

/// Of a lock that the C library's functions share, the variable says more than the function.
LockKind kind_by_variable(LockKind kind, std::string_view variable) {
  if (kind != LockKind::libc)
    return kind;
  if (variable.starts_with("main_arena") || variable == "list_lock" || variable == "free_list_lock")
    return LockKind::arena;
  if (variable.starts_with("_IO_stdfile") || variable == "list_all_lock")
    return LockKind::file;
  if (variable.starts_with("_rtld_") || variable.starts_with("_dl_"))
    return LockKind::loader;
  return kind;
}

/// "cache", or "cache+0x28" for a lock that is a part of it.
std::string text_of(const Variable& variable) {
  // None of the locks is larger: the futex of a condition variable lies in its end.
  constexpr std::uint64_t max_lock_bytes = 56;
  if (variable.offset == 0 || variable.size <= max_lock_bytes)
    return variable.name;
  return fmt::format("{}+{:#x}", variable.name, variable.offset);
}

void find_variable(const WaitSite& site, const AddressSpace& space, ModuleCache& modules,
                   Lock& lock) {
  if (auto variable = variable_at(lock.address, space, modules)) {
    lock.kind = kind_by_variable(lock.kind, variable->name);
    lock.symbol = text_of(*variable);
  } else if (lock.kind == LockKind::libc && !site.function.empty()) {
    lock.symbol = site.function + "()";
  }
}

} // namespace

InspectedLock inspect_lock(const LockWaiter& waiter, const ParentAtFork& parent,
                           const AddressSpace& space, ModuleCache& modules) {
  const WaitSite site = wait_site(waiter.stack);
  ProcessMemory memory(waiter.pid);
  const NamedLock named = name_lock(site, memory, waiter);
  InspectedLock inspected;
  inspected.lock.kind = named.kind;
  inspected.lock.address = named.words.address;
  find_variable(site, space, modules, inspected.lock);
  std::uint32_t id = named.words.owner;
  if (id == 0 && named.words.owner_descriptor != 0)
    id = tid_of(named.words.owner_descriptor, memory, waiter, parent);
  if (id == 0)
    return inspected;
  FoundOwner owner = find_owner(id, waiter, parent);
  inspected.lock.owner = std::move(owner.owner);
  inspected.holder = owner.holder;
  inspected.owner_process = owner.process;
  return inspected;
}

} // namespace forkmon
