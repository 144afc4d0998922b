// SPDX-License-Identifier: MIT
/// Busy children, sampled for a second or two at a time, and then ever more seldom: one that works
/// at first may spin later.
#pragma once

#include "stuck/ip_sampler.h"
#include "symbols/unwinder.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

/// A window of samples of one thread.
struct SpinWindow {
  IpSampler sampler;
  std::uint64_t opened_ns = 0;
};

class SpinWindows {
public:
  /// `symbolizer` must outlive this.
  explicit SpinWindows(Symbolizer& symbolizer) : symbolizer_(symbolizer) {}

  /// Opens a window of a thread. Nothing where too many are open, or where the kernel refuses,
  /// which is counted.
  std::optional<SpinWindow> open(pid_t tid, std::uint64_t now_ns, std::size_t open_windows);

  /// Does the thread spin? Nothing as long as there are too few samples, and it is too early to
  /// give up.
  std::optional<bool> judge(const SpinWindow& window, pid_t pid, std::uint64_t now_ns);

  /// Windows that could not be opened, and why the last one was not.
  std::uint64_t failed() const { return failed_; }
  const std::string& error() const { return error_; }

private:
  Symbolizer& symbolizer_;
  std::uint64_t failed_ = 0;
  std::string error_;
};

} // namespace forkmon
