// SPDX-License-Identifier: MIT
/// Locks as they lie in memory. The layouts are those of glibc and musl, on 64-bit machines, and
/// for what is said so on i386.
///
/// Whatever lies there was written by the watched program. Numbers are taken for a lock where all
/// of it fits together, and an owner's id is what the program believes: src/stuck/lock_owner.h
/// looks for the thread.
#pragma once

#include "symbols/memory_reader.h"

#include <cstdint>
#include <optional>

namespace forkmon {

/// A lock that somebody waits for.
struct LockWords {
  std::uint64_t address = 0; ///< where the lock begins: the futex may lie further in
  std::uint32_t owner = 0;   ///< thread id, as the process knows it; 0 where none is recorded
  /// glibc's locks of FILEs record the owner's thread descriptor, which is what pthread_self()
  /// returns; 0: none.
  std::uint64_t owner_descriptor = 0;
};

/// A pthread_mutex_t or mtx_t, normal, recursive, error-checking, adaptive, robust or with
/// priority inheritance or protection, of glibc (64 and 32 bit) or musl, the futex of which is at
/// `futex`. `by_memory_alone`: asks for more, because nothing else says that a mutex is there.
std::optional<LockWords> read_mutex(MemoryReader& memory, std::uint64_t futex, bool is_32_bit,
                                    bool by_memory_alone);

/// A pthread_rwlock_t. glibc records who holds it for writing; readers are only counted.
LockWords read_rwlock(MemoryReader& memory, std::uint64_t futex, bool is_32_bit);

/// A lock that its owner may take again, such as a FILE's.
LockWords read_recursive(MemoryReader& memory, std::uint64_t futex, bool is_32_bit);

/// Is this a sem_t of glibc that somebody waits for?
bool looks_like_semaphore(MemoryReader& memory, std::uint64_t futex, bool is_32_bit);

/// Is this a pthread_once_t of glibc, the function of which is being called?
bool looks_like_once(MemoryReader& memory, std::uint64_t futex, bool is_32_bit);

/// The thread id in a thread descriptor of glibc; 0 where no descriptor is there, or where its
/// thread has ended or, in a child of fork(), does not exist.
std::uint32_t read_descriptor_tid(MemoryReader& memory, std::uint64_t descriptor, bool is_32_bit);

} // namespace forkmon
