// SPDX-License-Identifier: MIT
/// A lock that a child waits for, and who holds it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

enum class LockKind {
  mutex = 1, ///< pthread_mutex_t
  semaphore, ///< sem_t: Python's threading.Lock is one
  unknown,   ///< a lock inside the C library, a condition variable, or none at all
};

/// The thread whose id a mutex bears.
struct LockOwner {
  std::uint32_t tid = 0; ///< in the root pid namespace where it is alive, else as the mutex has it
  std::string comm;      ///< raw bytes; empty where it ended before it was looked at
  bool alive = false;
};

struct Lock {
  LockKind kind = LockKind::unknown;
  std::uint64_t address = 0; ///< in the child; 0 where it waits for no lock
  std::optional<LockOwner> owner;
};

} // namespace forkmon
