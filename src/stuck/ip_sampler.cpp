// SPDX-License-Identifier: MIT
#include "stuck/ip_sampler.h"

#include "process/proc.h"
#include "sensors/tracefs.h"
#include "util/number.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace forkmon {
namespace {

// arch/*/include/uapi/asm/perf_regs.h.
#if defined(__x86_64__)
constexpr std::uint64_t general_registers = 0xff01ff; // AX to IP, R8 to R15
constexpr std::size_t ip_register = 8;
#elif defined(__aarch64__)
constexpr std::uint64_t general_registers = 0x1ffffffffULL;
constexpr std::size_t ip_register = 32;
#else
#error "no list of registers for this architecture"
#endif
constexpr std::size_t register_count = std::popcount(general_registers);

/// PERF_SAMPLE_IP | PERF_SAMPLE_REGS_USER; of a thread without user space the registers are left
/// out.
struct Sample {
  perf_event_header header;
  std::uint64_t ip;
  std::uint64_t abi;
  std::array<std::uint64_t, register_count> registers;
};

/// A power of two, in which 100 samples find room.
constexpr std::size_t data_pages = std::bit_ceil(100 * sizeof(Sample) / 4096);

std::size_t page_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t buffer_bytes() {
  return (1 + data_pages) * page_bytes(); // one page of control data
}

/// Of the tracepoint at the entry of every system call.
Result<std::uint64_t> id_of_system_calls() {
  auto tracefs = find_tracefs();
  if (!tracefs)
    return tracefs.error();
  auto text = read_proc_file(*tracefs + "/events/raw_syscalls/sys_enter/id", 64);
  if (!text)
    return text.error();
  auto number = parse_number<std::uint64_t>(text->substr(0, text->find('\n')));
  return number ? Result<std::uint64_t>(*number) : Error{"the kernel traces no system calls"};
}

} // namespace

Result<IpSampler> IpSampler::start(pid_t tid) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof(attr);
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  attr.sample_period = 5'000'000; // nanoseconds
  attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_REGS_USER;
  attr.sample_regs_user = general_registers;
  attr.exclude_kernel = 1;
  return open(attr, tid);
}

Result<IpSampler> IpSampler::start_at_calls(pid_t tid) {
  auto event_id = id_of_system_calls();
  if (!event_id)
    return event_id.error();
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.size = sizeof(attr);
  attr.config = *event_id;
  attr.sample_period = 1;
  attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_REGS_USER;
  attr.sample_regs_user = general_registers;
  auto sampler = open(attr, tid);
  if (sampler)
    sampler->at_calls_ = true;
  return sampler;
}

Result<IpSampler> IpSampler::open(perf_event_attr& attr, pid_t tid) {
  auto fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0)
    return Error::from_errno("cannot sample a thread", errno);
  Fd event(static_cast<int>(fd));
  // Mapped with PROT_WRITE the kernel stops when the buffer is full, and overwrites nothing.
  void* buffer = mmap(nullptr, buffer_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
  if (buffer == MAP_FAILED)
    return Error::from_errno("cannot map a sample buffer", errno);
  return IpSampler(std::move(event), buffer);
}

IpSampler::IpSampler(IpSampler&& other) noexcept
    : event_(std::move(other.event_)), buffer_(std::exchange(other.buffer_, nullptr)),
      at_calls_(other.at_calls_) {}

IpSampler& IpSampler::operator=(IpSampler&& other) noexcept {
  std::swap(event_, other.event_);
  std::swap(buffer_, other.buffer_);
  std::swap(at_calls_, other.at_calls_);
  return *this;
}

IpSampler::~IpSampler() {
  if (buffer_ != nullptr)
    munmap(buffer_, buffer_bytes());
}

std::vector<IpSample> IpSampler::samples() const {
  const auto* control = static_cast<const perf_event_mmap_page*>(buffer_);
  std::uint64_t head = control->data_head;
  std::atomic_thread_fence(std::memory_order_acquire);
  const auto* data = static_cast<const char*>(buffer_) + page_bytes();
  std::size_t available = std::min<std::uint64_t>(head, data_pages * page_bytes());
  std::vector<IpSample> samples;
  for (std::size_t at = 0; at + sizeof(perf_event_header) <= available;) {
    Sample sample{};
    std::memcpy(&sample, data + at, std::min(sizeof(sample), available - at));
    if (sample.header.size < sizeof(perf_event_header) || at + sample.header.size > available)
      break;
    if (sample.header.type == PERF_RECORD_SAMPLE && sample.header.size == sizeof(sample))
      samples.push_back({at_calls_ ? sample.registers[ip_register] : sample.ip,
                         {sample.registers.begin(), sample.registers.end()}});
    at += sample.header.size;
  }
  return samples;
}

} // namespace forkmon
