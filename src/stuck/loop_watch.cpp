// SPDX-License-Identifier: MIT
#include "stuck/loop_watch.h"

namespace forkmon {

bool turns_often(std::uint64_t turns, std::uint64_t time_ns) {
  constexpr std::uint64_t least_turns = 10, longest_turn_ns = 300'000'000;
  return turns >= least_turns && time_ns / turns <= longest_turn_ns;
}

bool LoopWatch::see(const WaitState& state, Abi abi, std::uint64_t now_ns) {
  std::optional<Loop> seen;
  if (auto wait = timed_futex_wait(state, abi))
    seen = Loop{*wait, static_cast<std::uint32_t>(state.arguments[2]), state.sp, state.pc, now_ns};
  return repetition_.see(state.running, seen);
}

} // namespace forkmon
