// SPDX-License-Identifier: MIT
/// Recognises a thread that waits with timeouts, again and again, for one word. Pure.
#pragma once

#include "process/wait_state.h"
#include "stuck/repetition.h"

#include <cstdint>
#include <optional>

namespace forkmon {

/// Does a loop that went round `turns` times in `time_ns` do nothing but look at its word? One of
/// waits that last longer does something else in between.
bool turns_often(std::uint64_t turns, std::uint64_t time_ns);

class LoopWatch {
public:
  /// Takes in what a look has seen. Returns false where that ends a loop that had been going on.
  bool see(const WaitState& state, Abi abi, std::uint64_t now_ns);
  void reset() { *this = LoopWatch(); }

  struct Loop {
    FutexWait wait;
    std::uint32_t value = 0; ///< that the word has as long as the wait goes on
    std::uint64_t sp = 0;
    std::uint64_t pc = 0;
    std::uint64_t since_ns = 0;
    bool is_same(const Loop& other) const {
      return wait == other.wait && value == other.value && sp == other.sp && pc == other.pc;
    }
  };
  /// The loop that all looks since `since_ns` have seen.
  const std::optional<Loop>& loop() const { return repetition_.loop(); }

  /// How often the thread had gone to sleep when the loop was first seen; set by the owner.
  std::uint64_t sleeps = 0;

private:
  Repetition<Loop> repetition_;
};

} // namespace forkmon
