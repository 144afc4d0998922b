// SPDX-License-Identifier: MIT
#include "stuck/ip_sampler.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace forkmon {
namespace {

// One page of control data, one of samples: 4096 / 16 bytes a sample is over a second's worth.
std::size_t page_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

struct Sample {
  perf_event_header header;
  std::uint64_t ip;
};

} // namespace

Result<IpSampler> IpSampler::start(pid_t tid) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof(attr);
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  attr.sample_period = 5'000'000; // nanoseconds
  attr.sample_type = PERF_SAMPLE_IP;
  attr.exclude_kernel = 1;
  auto fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0)
    return Error::from_errno("cannot sample a thread", errno);
  Fd event(static_cast<int>(fd));
  // Mapped with PROT_WRITE the kernel stops when the buffer is full, and overwrites nothing.
  void* buffer =
      mmap(nullptr, 2 * page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
  if (buffer == MAP_FAILED)
    return Error::from_errno("cannot map a sample buffer", errno);
  return IpSampler(std::move(event), buffer);
}

IpSampler::IpSampler(IpSampler&& other) noexcept
    : event_(std::move(other.event_)), buffer_(std::exchange(other.buffer_, nullptr)) {}

IpSampler& IpSampler::operator=(IpSampler&& other) noexcept {
  std::swap(event_, other.event_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

IpSampler::~IpSampler() {
  if (buffer_ != nullptr)
    munmap(buffer_, 2 * page_bytes());
}

std::vector<std::uint64_t> IpSampler::samples() const {
  const auto* control = static_cast<const perf_event_mmap_page*>(buffer_);
  std::uint64_t head = control->data_head;
  std::atomic_thread_fence(std::memory_order_acquire);
  const auto* data = static_cast<const char*>(buffer_) + page_bytes();
  std::size_t available = std::min<std::uint64_t>(head, page_bytes());
  std::vector<std::uint64_t> ips;
  for (std::size_t at = 0; at + sizeof(Sample) <= available;) {
    Sample sample;
    std::memcpy(&sample, data + at, sizeof(sample));
    if (sample.header.size == 0)
      break;
    if (sample.header.type == PERF_RECORD_SAMPLE)
      ips.push_back(sample.ip);
    at += sample.header.size;
  }
  return ips;
}

} // namespace forkmon
