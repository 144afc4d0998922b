// SPDX-License-Identifier: MIT
/// A thread that is seen at one thing whenever it does not run. Pure.
#pragma once

#include <optional>

namespace forkmon {

/// `Loop` is what is repeated. It has `is_same(const Loop&)`, which leaves out since when.
template <typename Loop>
class Repetition {
public:
  /// Takes in what a look has seen: that the thread runs, or what it repeats; nothing where it does
  /// something else. Returns false where that ends a repetition that had been going on.
  bool see(bool running, const std::optional<Loop>& seen) {
    if (running && loop_ && ++running_ <= waiting_)
      return true; // between two turns
    if (loop_ && seen && seen->is_same(*loop_)) {
      waiting_++;
      return true;
    }
    const bool had_loop = loop_.has_value();
    *this = Repetition();
    loop_ = seen;
    waiting_ = seen ? 1 : 0;
    return !had_loop;
  }

  /// As all looks since the first one have seen it.
  const std::optional<Loop>& loop() const { return loop_; }

private:
  std::optional<Loop> loop_;
  unsigned waiting_ = 0; ///< looks that saw it wait
  unsigned running_ = 0; ///< looks that saw it run
};

} // namespace forkmon
