// SPDX-License-Identifier: MIT
/// A lock that a child waits for, and who holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

enum class LockKind {
  mutex = 1,  ///< pthread_mutex_t
  semaphore,  ///< sem_t: Python's threading.Lock is one
  unknown,    ///< a futex of which nothing more is known
  rwlock,     ///< pthread_rwlock_t
  condition,  ///< pthread_cond_t
  once,       ///< pthread_once_t, std::call_once
  guard,      ///< the guard of a C++ function's static variable (__cxa_guard_acquire)
  file,       ///< the lock of a FILE
  arena,      ///< an arena of the C library's malloc
  loader,     ///< a lock of the dynamic loader
  libc,       ///< another lock inside the C library
  rust_mutex, ///< Rust's std::sync or parking_lot
  absl,       ///< absl::Mutex, or a SpinLock of abseil or gperftools
  go_runtime, ///< a lock of Go's runtime
};

/// The thread whose id a lock records.
struct LockOwner {
  std::uint32_t tid = 0; ///< in the root pid namespace where it is alive, else as the lock has it
  std::string comm;      ///< raw bytes; empty where it ended before it was looked at
  bool alive = false;
  bool is_self = false;   ///< the waiting thread itself, which took the lock before
  bool in_child = false;  ///< another thread of the child
  bool is_forker = false; ///< the thread that forked the child, which held the lock at that moment
};

struct Lock {
  LockKind kind = LockKind::unknown;
  std::uint64_t address = 0; ///< in the child; 0 where it waits for no lock
  /// The variable that holds the lock, demangled: "cache", or "cache+0x28" for a part of it. Of a
  /// lock inside the C library whose variable is not known, the function that takes it: "setenv()".
  /// Raw bytes; empty where neither is known.
  std::string symbol;
  std::optional<LockOwner> owner;
};

} // namespace forkmon
