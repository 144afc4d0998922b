// SPDX-License-Identifier: MIT
/// Recognises a thread that waits with timeouts, again and again, for one word. Pure.
#pragma once

#include "process/wait_state.h"

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
    std::uint64_t since_ns = 0;
  };
  /// The loop that all looks since `since_ns` have seen.
  const std::optional<Loop>& loop() const { return loop_; }

  /// How often the thread had gone to sleep when the loop was first seen; set by the owner.
  std::uint64_t sleeps = 0;

private:
  std::optional<Loop> loop_;
  std::uint64_t sp_ = 0;
  std::uint64_t pc_ = 0;
  unsigned waiting_ = 0; ///< looks that saw it wait
  unsigned running_ = 0; ///< looks that saw it run
};

} // namespace forkmon
