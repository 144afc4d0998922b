// SPDX-License-Identifier: MIT
/// Where a busy thread spends its time: sampled instruction pointers (perf_event_open(2)).
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkmon {

/// Samples one thread's user-space instruction pointer about 200 times a second of its CPU time,
/// into a small buffer of ours. The thread is not stopped.
class IpSampler {
public:
  static Result<IpSampler> start(pid_t tid);
  IpSampler(IpSampler&& other) noexcept;
  IpSampler& operator=(IpSampler&& other) noexcept;
  ~IpSampler();

  /// What was sampled since the start, or until the buffer was full.
  std::vector<std::uint64_t> samples() const;

private:
  IpSampler(Fd event, void* buffer) : event_(std::move(event)), buffer_(buffer) {}
  Fd event_;
  void* buffer_ = nullptr;
};

} // namespace forkmon
