// SPDX-License-Identifier: MIT
/// What a thread waits for, from /proc/PID/syscall (proc(5)).
#pragma once

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

/// A wait in futex(2) that no time ends.
struct FutexWait {
  std::uint64_t address = 0;
  bool is_private = false; ///< only threads of the same address space can end it
  bool is_pi = false;      ///< FUTEX_LOCK_PI: the futex word holds the owner's thread id
};

/// The wait, if it is one in futex(2) without a timeout.
std::optional<FutexWait> endless_futex_wait(const WaitState& state);

/// Does it wait for input: read, recv, accept, poll, select or epoll_wait?
bool waits_for_input(const WaitState& state);

/// The descriptor, if it waits in read(2).
std::optional<int> read_descriptor(const WaitState& state);

} // namespace forkmon
