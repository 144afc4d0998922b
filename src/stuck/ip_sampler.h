// SPDX-License-Identifier: MIT
/// Where a busy thread spends its time: sampled instruction pointers and registers
/// (perf_event_open(2)).
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkmon {

/// One sample of a thread's user space.
struct IpSample {
  std::uint64_t ip = 0;
  std::vector<std::uint64_t>
      registers; ///< all general ones, in the order of the kernel's perf_regs.h
};

/// That many may be at work, whatever they sample: each takes a descriptor, and 20 KiB of the quota
/// for locked buffers, which is 516 KiB by default.
constexpr std::size_t max_samplers = 16;

/// Samples one thread's user space about 200 times a second of its CPU time, into a small buffer of
/// ours. The thread is not stopped.
class IpSampler {
public:
  /// Error also where the user's quota of locked memory for such buffers is used up
  /// (kernel.perf_event_mlock_kb).
  static Result<IpSampler> start(pid_t tid);
  /// Samples the thread's system calls instead: `ip` is then where the call returns to. As long as
  /// one such sampler lives, all system calls of the machine take a little longer.
  static Result<IpSampler> start_at_calls(pid_t tid);
  IpSampler(IpSampler&& other) noexcept;
  IpSampler& operator=(IpSampler&& other) noexcept;
  ~IpSampler();

  /// What was sampled since the start, or until the buffer was full.
  std::vector<IpSample> samples() const;

private:
  static Result<IpSampler> open(perf_event_attr& attr, pid_t tid);
  IpSampler(Fd event, void* buffer) : event_(std::move(event)), buffer_(buffer) {}
  Fd event_;
  void* buffer_ = nullptr;
  bool at_calls_ = false;
};

} // namespace forkmon
