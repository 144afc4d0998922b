// SPDX-License-Identifier: MIT
/// What a thread waits for, from /proc/PID/syscall (proc(5)).
#pragma once

#include "process/system_calls.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace forkmon {

/// A thread as one look at /proc/PID/syscall shows it. Two equal ones say that it has not moved, if
/// it was not switched in between.
struct WaitState {
  bool running = false; ///< on a CPU or ready to be
  long number = -1;     ///< of the system call it waits in; -1 for none
  std::array<std::uint64_t, 6> arguments{};
  std::uint64_t sp = 0;
  std::uint64_t pc = 0;
  bool operator==(const WaitState&) const = default;
};

/// Nothing where the text makes no sense.
std::optional<WaitState> parse_wait_state(std::string_view text);

/// May this be a thread of a 32-bit program? Only the memory map tells for sure: all of it is below
/// 4 GiB. But where this is false, it is none.
bool may_be_32_bit(const WaitState& state);

/// A wait for a futex.
struct FutexWait {
  std::uint64_t address = 0;
  bool is_private = false; ///< says the call: only threads of the same address space can end it
  bool is_pi = false;      ///< FUTEX_LOCK_PI: the futex word holds the owner's thread id
  /// FUTEX_WAIT_REQUEUE_PI: it may have been moved on to another word, that of a PI mutex.
  bool may_become_pi = false;
  bool operator==(const FutexWait&) const = default;
};

/// The wait, if no time ends it and it is one for a single word: in futex(2) or futex_wait(2).
std::optional<FutexWait> endless_futex_wait(const WaitState& state, Abi abi = Abi::native);

/// The same with a timeout: one for a single word that will end.
std::optional<FutexWait> timed_futex_wait(const WaitState& state, Abi abi = Abi::native);

/// The words of an endless futex_waitv(2), which are to be read from the thread's memory.
struct FutexVector {
  std::uint64_t address = 0;
  std::uint32_t count = 0;
};
std::optional<FutexVector> endless_futex_vector(const WaitState& state, Abi abi = Abi::native);

/// struct futex_waitv of linux/futex.h, since 5.16.
struct FutexVectorEntry {
  std::uint64_t value = 0;
  std::uint64_t address = 0;
  std::uint32_t flags = 0;
  std::uint32_t reserved = 0;
};
constexpr std::uint32_t max_futex_vector = 128; ///< FUTEX_WAITV_MAX
FutexWait word_of(const FutexVectorEntry& entry);

/// Does it wait for input: in read, recv, accept, poll, select, epoll_wait or io_uring_enter? A
/// poll or select of no descriptor does not.
bool waits_for_input(const WaitState& state, Abi abi = Abi::native);

/// Does it let time pass, or another thread run: in nanosleep, sched_yield, or a poll or select of
/// no descriptor?
bool is_nap(const WaitState& state, Abi abi = Abi::native);

/// The descriptor, if it waits in read(2) or readv(2).
std::optional<int> read_descriptor(const WaitState& state, Abi abi = Abi::native);

} // namespace forkmon
