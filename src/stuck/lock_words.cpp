// SPDX-License-Identifier: MIT
#include "stuck/lock_words.h"

#include <linux/futex.h>

#include <cerrno>

namespace forkmon {
namespace {

constexpr std::uint32_t contended = 2;       // lll_lock of glibc: taken, and somebody waits
constexpr std::uint32_t max_tid = 1U << 22U; // PID_MAX_LIMIT of the kernel
constexpr std::uint32_t max_users = 1U << 16U;

bool is_tid(std::uint32_t number) {
  return number != 0 && number <= max_tid;
}

std::uint32_t word(MemoryReader& memory, std::uint64_t address) {
  return memory.number<std::uint32_t>(address).value_or(0);
}

/// pthread_mutex_t of glibc: sysdeps/nptl/bits/struct_mutex.h, and for its kinds nptl/pthreadP.h.
struct GlibcMutex {
  std::uint32_t lock = 0;
  std::uint32_t count = 0;
  std::uint32_t owner = 0;
  std::uint32_t users = 0;
  std::uint32_t kind = 0;

  // Bits of `kind`.
  static constexpr std::uint32_t type = 3; // 1: recursive
  static constexpr std::uint32_t robust = 16;
  static constexpr std::uint32_t inherits_priority = 32;
  static constexpr std::uint32_t protects_priority = 64;
  static constexpr std::uint32_t all = 0x3ff;

  bool has(std::uint32_t bit) const { return (kind & bit) != 0; }
  bool holds_tid() const { return has(robust) || has(inherits_priority); }
  /// The thread that holds it; 0: none is recorded.
  std::uint32_t holder() const { return holds_tid() ? lock & FUTEX_TID_MASK : owner; }

  bool fits() const {
    if (kind > all || users > max_users || owner > max_tid)
      return false;
    if (holds_tid())
      return is_tid(holder()) && (owner == holder() || owner == 0);
    // With priority protection the ceiling is in the upper bits.
    return lock == contended || (has(protects_priority) && (lock & contended) != 0);
  }

  /// Robust ones, and those with a protocol, count 1 whatever their type is.
  bool fits_in_all() const {
    const bool counts =
        (kind & type) == 1 || (kind & (robust | inherits_priority | protects_priority)) != 0;
    return fits() && is_tid(owner) && users >= 1 && count <= max_users && (count != 0) == counts;
  }
};

std::optional<GlibcMutex> read_glibc_mutex(MemoryReader& memory, std::uint64_t address,
                                           bool is_32_bit) {
  GlibcMutex mutex;
  // Read first: a mutex lies in memory as a whole.
  auto last = memory.number<std::uint32_t>(address + 16);
  if (!last)
    return std::nullopt;
  mutex.lock = word(memory, address);
  mutex.count = word(memory, address + 4);
  mutex.owner = word(memory, address + 8);
  mutex.users = is_32_bit ? *last : word(memory, address + 12);
  mutex.kind = is_32_bit ? word(memory, address + 12) : *last;
  return mutex;
}

/// pthread_mutex_t of musl: src/internal/pthread_impl.h, src/thread/pthread_mutex_timedlock.c. The
/// futex is its second word, in which a normal mutex has EBUSY and any other its owner's id.
struct MuslMutex {
  std::uint32_t type = 0;
  std::uint32_t lock = 0;
  std::uint32_t waiters = 0;

  static constexpr std::uint32_t known_types = 0x8f;
  static constexpr std::uint32_t kind = 15;
  static constexpr std::uint32_t is_waited_for = 1U << 31U;

  std::uint32_t value() const { return lock & FUTEX_TID_MASK; }
  std::uint32_t holder() const { return (type & kind) == 0 ? 0 : value(); }

  bool fits() const {
    return (type & ~known_types) == 0 && (lock & is_waited_for) != 0 && waiters <= max_users &&
           ((type & kind) == 0 ? value() == EBUSY : is_tid(value()));
  }
};

MuslMutex read_musl_mutex(MemoryReader& memory, std::uint64_t futex) {
  return {word(memory, futex - 4), word(memory, futex), word(memory, futex + 4)};
}

/// Offset of the thread id in struct pthread (nptl/descr.h): after the thread control block and two
/// pointers of a list.
std::uint64_t tid_offset(bool is_32_bit) {
#if defined(__aarch64__)
  return is_32_bit ? 0 : 0xd0;
#else
  return is_32_bit ? 0x68 : 0x2d0;
#endif
}

} // namespace

std::optional<LockWords> read_mutex(MemoryReader& memory, std::uint64_t futex, bool is_32_bit,
                                    bool by_memory_alone) {
  auto glibc = read_glibc_mutex(memory, futex, is_32_bit);
  if (glibc && (by_memory_alone ? glibc->fits_in_all() : glibc->fits()))
    return LockWords{futex, glibc->holder(), 0};
  const MuslMutex musl = read_musl_mutex(memory, futex);
  if (musl.fits() && (!by_memory_alone || musl.waiters >= 1))
    return LockWords{futex - 4, musl.holder(), 0};
  return std::nullopt;
}

// struct __pthread_rwlock_arch_t: readers, writers, wrphase_futex, writers_futex, two words of
// padding, and on 64-bit machines cur_writer (sysdeps/.../nptl/bits/struct_rwlock.h, since glibc
// 2.25). A lock is aligned to 8 bytes there, so that the futex's address says which of the two it
// is.
LockWords read_rwlock(MemoryReader& memory, std::uint64_t futex, bool is_32_bit) {
  constexpr std::uint32_t wrphase_offset = 8, writers_offset = 12, writer_offset = 24;
  constexpr std::uint32_t is_used = 2; // of a futex there: somebody waits
  const std::uint32_t value = word(memory, futex);
  const bool is_glibc = !is_32_bit && (value == is_used || value == (is_used | 1));
  if (!is_glibc)
    return {futex, 0, 0};
  const std::uint64_t start = futex - (futex % 8 == 0 ? wrphase_offset : writers_offset);
  const std::uint32_t writer = word(memory, start + writer_offset);
  return {start, is_tid(writer) ? writer : 0, 0};
}

// glibc: _IO_lock_t (sysdeps/nptl/stdio-lock.h), or what __libc_lock_define_recursive makes: lock,
// count, and a pointer to the owner's descriptor. musl: a word with the owner's id (struct
// _IO_FILE).
LockWords read_recursive(MemoryReader& memory, std::uint64_t futex, bool is_32_bit) {
  constexpr std::uint32_t musl_is_waited_for = 1U << 30U;
  const std::uint32_t lock = word(memory, futex);
  if (lock == contended) {
    const std::uint32_t count = word(memory, futex + 4);
    if (count == 0 || count > max_users)
      return {futex, 0, 0};
    return {futex, 0,
            is_32_bit ? word(memory, futex + 8)
                      : memory.number<std::uint64_t>(futex + 8).value_or(0)};
  }
  const std::uint32_t owner = lock & ~musl_is_waited_for;
  return {futex, lock != owner && is_tid(owner) ? owner : 0, 0};
}

// struct new_sem (sysdeps/nptl/internaltypes.h): on 64-bit machines value and waiters; on others
// the value, shifted by one, and the waiters in the fourth word.
bool looks_like_semaphore(MemoryReader& memory, std::uint64_t futex, bool is_32_bit) {
  auto waiters = memory.number<std::uint32_t>(futex + (is_32_bit ? 12 : 4));
  const std::uint32_t value = is_32_bit ? word(memory, futex) >> 1U : word(memory, futex);
  return waiters && value == 0 && *waiters >= 1 && *waiters <= max_users;
}

// nptl/pthread_once.c: 1 while it is being called, and from the third bit on the number of forks.
// pthread_join() waits for a word of a thread's descriptor, which may be any number.
bool looks_like_once(MemoryReader& memory, std::uint64_t futex, bool is_32_bit) {
  constexpr std::uint32_t state = 3, in_progress = 1;
  return (word(memory, futex) & state) == in_progress &&
         read_descriptor_tid(memory, futex - tid_offset(is_32_bit), is_32_bit) == 0;
}

std::uint32_t read_descriptor_tid(MemoryReader& memory, std::uint64_t descriptor, bool is_32_bit) {
#if defined(__aarch64__)
  // It is in a list of threads, so that the one after it points back (list_t, before the id).
  const std::uint64_t link = descriptor + tid_offset(is_32_bit) - 16;
  const auto next = memory.number<std::uint64_t>(link);
  if (!next || memory.number<std::uint64_t>(*next + 8) != link)
    return 0;
#else
  // Its third word is its own address (tcbhead_t), for code that finds it by the fs register.
  const std::uint64_t self = is_32_bit ? word(memory, descriptor + 8)
                                       : memory.number<std::uint64_t>(descriptor + 16).value_or(0);
  if (self != descriptor)
    return 0;
#endif
  const std::uint32_t tid = word(memory, descriptor + tid_offset(is_32_bit));
  return descriptor != 0 && is_tid(tid) ? tid : 0;
}

} // namespace forkmon
