// SPDX-License-Identifier: MIT
#include "stuck/spin_windows.h"

#include "stuck/spin.h"
#include "symbols/memory_reader.h"

namespace forkmon {
namespace {

/// On a busy machine a thread gets less than all of a CPU's time.
constexpr std::uint64_t longest_window_ns = 5'000'000'000;

} // namespace

std::optional<SpinWindow> SpinWindows::open(pid_t tid, std::uint64_t now_ns,
                                            std::size_t open_windows) {
  if (open_windows >= max_samplers)
    return std::nullopt;
  auto sampler = IpSampler::start(tid);
  if (sampler)
    return SpinWindow{std::move(*sampler), now_ns};
  failed_++;
  error_ = sampler.error().message;
  return std::nullopt;
}

std::optional<bool> SpinWindows::judge(const SpinWindow& window, pid_t pid, std::uint64_t now_ns) {
  const auto samples = window.sampler.samples();
  if (samples.size() < enough_samples && now_ns - window.opened_ns < longest_window_ns)
    return std::nullopt;
  auto space = AddressSpace::of(pid);
  if (!space)
    return false;
  ProcessMemory memory(pid);
  return is_spin(samples, {[&](std::uint64_t address, std::size_t size) {
                             std::vector<std::uint8_t> code(size);
                             if (!memory.read(address, code))
                               code.clear();
                             return code;
                           },
                           [&](std::uint64_t address) {
                             return symbolizer_.symbolize(address, *space).function;
                           }});
}

} // namespace forkmon
