// SPDX-License-Identifier: MIT
/// Recognises a thread that waits with timeouts, again and again, for one word. Pure.
#pragma once

#include "process/wait_state.h"

#include <cstdint>
#include <optional>

namespace forkmon {

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

  /// Context switches when the loop was first seen; set by the owner.
  std::uint64_t switches = 0;

private:
  std::optional<Loop> loop_;
  std::uint64_t sp_ = 0;
  std::uint64_t pc_ = 0;
  unsigned waiting_ = 0; ///< looks that saw it wait
  unsigned running_ = 0; ///< looks that saw it run
};

} // namespace forkmon
