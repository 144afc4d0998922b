// SPDX-License-Identifier: MIT
#include "stuck/loop_watch.h"

namespace forkmon {

bool turns_often(std::uint64_t turns, std::uint64_t time_ns) {
  constexpr std::uint64_t least_turns = 10, longest_turn_ns = 300'000'000;
  return turns >= least_turns && time_ns / turns <= longest_turn_ns;
}

bool LoopWatch::see(const WaitState& state, Abi abi, std::uint64_t now_ns) {
  if (state.running && loop_ && ++running_ <= waiting_)
    return true; // between two waits
  auto wait = timed_futex_wait(state, abi);
  const auto value = static_cast<std::uint32_t>(wait ? state.arguments[2] : 0);
  if (loop_ && wait && *wait == loop_->wait && value == loop_->value && state.sp == sp_ &&
      state.pc == pc_) {
    waiting_++;
    return true;
  }
  const bool had_loop = loop_.has_value();
  reset();
  if (wait) {
    loop_ = Loop{*wait, value, now_ns};
    sp_ = state.sp;
    pc_ = state.pc;
    waiting_ = 1;
  }
  return !had_loop;
}

} // namespace forkmon
