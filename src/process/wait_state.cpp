// SPDX-License-Identifier: MIT
#include "process/wait_state.h"

#include "util/number.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>

namespace forkmon {
namespace {

std::string_view next_word(std::string_view& text) {
  auto start = std::min(text.find_first_not_of(" \n"), text.size());
  text.remove_prefix(start);
  auto end = std::min(text.find_first_of(" \n"), text.size());
  auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

bool read_hex(std::string_view& text, std::uint64_t& value) {
  auto word = next_word(text);
  auto number =
      word.starts_with("0x") ? parse_number<std::uint64_t>(word.substr(2), 16) : std::nullopt;
  value = number.value_or(0);
  return number.has_value();
}

} // namespace

/// "running", "-1 SP PC" outside of a system call, or "NUMBER ARG0 … ARG5 SP PC".
std::optional<WaitState> parse_wait_state(std::string_view text) {
  WaitState state;
  auto first = next_word(text);
  if (first == "running") {
    state.running = true;
    return state;
  }
  auto number = parse_number<long>(first);
  if (!number)
    return std::nullopt;
  state.number = *number;
  if (state.number >= 0)
    for (std::uint64_t& argument : state.arguments)
      if (!read_hex(text, argument))
        return std::nullopt;
  if (!read_hex(text, state.sp) || !read_hex(text, state.pc))
    return std::nullopt;
  return state;
}

std::optional<FutexWait> endless_futex_wait(const WaitState& state) {
  if (state.number != SYS_futex || state.arguments[3] != 0) // a pointer to the timeout
    return std::nullopt;
  auto operation = static_cast<int>(state.arguments[1]);
  FutexWait wait{state.arguments[0], (operation & FUTEX_PRIVATE_FLAG) != 0, false};
  constexpr int futex_lock_pi2 = 13; // since Linux 5.14
  switch (operation & FUTEX_CMD_MASK) {
  case FUTEX_WAIT:
  case FUTEX_WAIT_BITSET:
    return wait;
  case FUTEX_LOCK_PI:
  case futex_lock_pi2:
    wait.is_pi = true;
    return wait;
  default:
    return std::nullopt;
  }
}

bool waits_for_input(const WaitState& state) {
  constexpr long calls[] = {
      SYS_read,  SYS_recvfrom,    SYS_recvmsg,    SYS_accept, SYS_accept4, SYS_ppoll, SYS_pselect6,
#ifdef SYS_poll
      SYS_poll,  SYS_select,      SYS_epoll_wait,
#endif
      SYS_readv, SYS_epoll_pwait,
  };
  return std::ranges::find(calls, state.number) != std::end(calls);
}

std::optional<int> read_descriptor(const WaitState& state) {
  if (state.number != SYS_read)
    return std::nullopt;
  return static_cast<int>(state.arguments[0]);
}

} // namespace forkmon
