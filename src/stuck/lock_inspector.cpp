// SPDX-License-Identifier: MIT
#include "stuck/lock_inspector.h"

#include "process/namespace_pid.h"
#include "process/proc.h"
#include "symbols/memory_reader.h"

#include <fmt/format.h>
#include <linux/futex.h>

#include <cstring>

namespace forkmon {
namespace {

/// pthread_mutex_t of glibc and musl up to its kind, on 64-bit machines. Sources:
/// sysdeps/nptl/bits/struct_mutex.h of glibc; src/internal/pthread_impl.h of musl.
struct MutexHead {
  std::uint32_t lock;
  std::uint32_t count;
  std::uint32_t owner;
  std::uint32_t users;
  std::uint32_t kind;
};

/// sem_t of glibc on 64-bit machines: sysdeps/nptl/internaltypes.h, struct new_sem.
struct SemaphoreHead {
  std::uint32_t value;
  std::uint32_t waiters;
  std::uint32_t is_shared;
};

constexpr std::uint32_t contended = 2;          // lll_lock: taken, and somebody waits
constexpr std::uint32_t max_mutex_kind = 0x3ff; // types, robust, PI, PP, elision and shared bits
constexpr std::uint32_t max_tid = 1U << 22U;    // PID_MAX_LIMIT of the kernel
constexpr std::uint32_t max_users = 1U << 16U;

bool looks_like_mutex(const MutexHead& mutex) {
  return mutex.lock == contended && mutex.owner != 0 && mutex.owner <= max_tid &&
         mutex.users >= 1 && mutex.users <= max_users && mutex.kind <= max_mutex_kind;
}

bool looks_like_semaphore(const SemaphoreHead& semaphore) {
  return semaphore.value == 0 && semaphore.waiters >= 1 && semaphore.waiters <= max_users;
}

template <typename Head>
std::optional<Head> read_head(MemoryReader& memory, std::uint64_t address) {
  std::array<std::uint8_t, sizeof(Head)> bytes{};
  if (!memory.read(address, bytes))
    return std::nullopt;
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  return head;
}

std::string comm_of(pid_t pid, pid_t tid) {
  auto comm = read_file(fmt::format("/proc/{}/task/{}/comm", pid, tid), 64);
  if (!comm)
    return "";
  return comm->substr(0, comm->find_last_not_of('\n') + 1);
}

/// The living thread of a process that the process itself knows by this id.
std::optional<LockOwner> find_thread(pid_t pid, std::uint32_t own_id) {
  for (pid_t tid : threads_of(pid))
    if (static_cast<std::uint32_t>(tid_in_its_namespace(pid, tid)) == own_id)
      return LockOwner{static_cast<std::uint32_t>(tid), comm_of(pid, tid), true, false};
  return std::nullopt;
}

void find_owner(std::uint32_t own_id, pid_t child, const ParentAtFork& parent,
                InspectedLock& found) {
  auto in_parent = find_thread(parent.pid, own_id);
  found.lock.kind = LockKind::mutex;
  found.lock.owner = in_parent.value_or(LockOwner{own_id, "", false, false});
  if (in_parent)
    found.holder = Holder::parent_thread;
  else
    found.holder = find_thread(child, own_id) ? Holder::child_thread : Holder::ended;
}

} // namespace

InspectedLock inspect_lock(const LockWaiter& waiter, const ParentAtFork& parent,
                           const AddressSpace& /*space*/, ModuleCache& /*modules*/) {
  InspectedLock found;
  found.lock.address = waiter.wait.address;
  ProcessMemory memory(waiter.pid);
  if (auto mutex = read_head<MutexHead>(memory, waiter.wait.address)) {
    if (waiter.wait.is_pi) {
      find_owner(mutex->lock & FUTEX_TID_MASK, waiter.pid, parent, found);
      return found;
    }
    if (looks_like_mutex(*mutex)) {
      find_owner(mutex->owner, waiter.pid, parent, found);
      return found;
    }
  }
  auto semaphore = read_head<SemaphoreHead>(memory, waiter.wait.address);
  if (semaphore && looks_like_semaphore(*semaphore))
    found.lock.kind = LockKind::semaphore;
  return found;
}

} // namespace forkmon
