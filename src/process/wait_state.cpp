// SPDX-License-Identifier: MIT
#include "process/wait_state.h"

#include "util/number.h"

#include <linux/futex.h>

#include <algorithm>
#include <span>

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

namespace {

constexpr std::uint64_t futex2_private = 128; // FUTEX2_PRIVATE of linux/futex.h
constexpr std::size_t timeout_of_futex = 3;
constexpr std::size_t timeout_of_futex_wait = 4;

bool is_futex(const WaitState& state, const SystemCalls& calls) {
  const long number = plain_number(state.number);
  return number >= 0 && (number == calls.futex || number == calls.futex_time64);
}

bool is_futex_wait(const WaitState& state, const SystemCalls& calls) {
  return plain_number(state.number) == calls.futex_wait;
}

/// A wait by an operation of futex(2), with or without timeout.
std::optional<FutexWait> wait_of_futex(const WaitState& state) {
  auto operation = static_cast<int>(state.arguments[1]);
  FutexWait wait{state.arguments[0], (operation & FUTEX_PRIVATE_FLAG) != 0, false, false};
  constexpr int futex_lock_pi2 = 13; // since Linux 5.14
  switch (operation & FUTEX_CMD_MASK) {
  case FUTEX_WAIT:
  case FUTEX_WAIT_BITSET:
    return wait;
  case FUTEX_WAIT_REQUEUE_PI:
    wait.may_become_pi = true;
    return wait;
  case FUTEX_LOCK_PI:
  case futex_lock_pi2:
    wait.is_pi = true;
    return wait;
  default:
    return std::nullopt;
  }
}

/// `timed`: is it to be one with a timeout?
std::optional<FutexWait> futex_wait(const WaitState& state, Abi abi, bool timed) {
  const SystemCalls& calls = system_calls(abi);
  if (is_futex(state, calls) && (state.arguments[timeout_of_futex] != 0) == timed)
    return wait_of_futex(state);
  if (is_futex_wait(state, calls) && (state.arguments[timeout_of_futex_wait] != 0) == timed)
    return FutexWait{state.arguments[0], (state.arguments[3] & futex2_private) != 0, false, false};
  return std::nullopt;
}

bool is_one_of(std::span<const long> calls, const WaitState& state) {
  return std::ranges::count(calls, plain_number(state.number)) != 0;
}

/// poll(NULL, 0, timeout) and select(0, …) only let time pass.
bool asks_for_no_descriptor(const WaitState& state, Abi abi) {
  const SystemCalls& calls = system_calls(abi);
  return (is_one_of(calls.polls, state) && static_cast<std::uint32_t>(state.arguments[1]) == 0) ||
         (is_one_of(calls.selects, state) && static_cast<std::uint32_t>(state.arguments[0]) == 0);
}

} // namespace

bool may_be_32_bit(const WaitState& state) {
  constexpr std::uint64_t end_of_32_bit = 1ULL << 32U;
  return state.sp < end_of_32_bit && state.pc < end_of_32_bit;
}

std::optional<FutexWait> endless_futex_wait(const WaitState& state, Abi abi) {
  return futex_wait(state, abi, false);
}

std::optional<FutexWait> timed_futex_wait(const WaitState& state, Abi abi) {
  return futex_wait(state, abi, true);
}

std::optional<FutexVector> endless_futex_vector(const WaitState& state, Abi abi) {
  if (plain_number(state.number) != system_calls(abi).futex_waitv || state.arguments[3] != 0)
    return std::nullopt;
  const std::uint64_t count = state.arguments[1] & 0xffffffffU;
  if (count == 0 || count > max_futex_vector)
    return std::nullopt;
  return FutexVector{state.arguments[0], static_cast<std::uint32_t>(count)};
}

FutexWait word_of(const FutexVectorEntry& entry) {
  return {entry.address, (entry.flags & futex2_private) != 0, false, false};
}

bool waits_for_input(const WaitState& state, Abi abi) {
  return is_one_of(system_calls(abi).input, state) && !asks_for_no_descriptor(state, abi);
}

bool is_nap(const WaitState& state, Abi abi) {
  return is_one_of(system_calls(abi).naps, state) || asks_for_no_descriptor(state, abi);
}

std::optional<int> read_descriptor(const WaitState& state, Abi abi) {
  const SystemCalls& calls = system_calls(abi);
  const long number = plain_number(state.number);
  if (number != calls.read && number != calls.readv)
    return std::nullopt;
  return static_cast<int>(state.arguments[0]);
}

} // namespace forkmon
