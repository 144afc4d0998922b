// SPDX-License-Identifier: MIT
#include "stuck/nap_loop.h"

#include "process/address_space.h"
#include "symbols/memory_reader.h"

#include <algorithm>

namespace forkmon {
namespace {

/// Of the stack: the frames of the nap, and of the loop around it.
constexpr std::size_t stack_bytes = 1024;
constexpr std::uint64_t longest_window_ns = 5'000'000'000;

std::vector<std::uint8_t> stack_of(pid_t pid, const WaitState& nap) {
  std::vector<std::uint8_t> stack(stack_bytes);
  if (!ProcessMemory(pid).read(nap.sp, stack))
    stack.clear();
  return stack;
}

} // namespace

bool NapWatch::see(const WaitState& state, Abi abi, std::uint64_t now_ns) {
  const bool naps = !state.running && is_nap(state, abi);
  return repetition_.see(state.running, naps ? std::optional(Loop{state, now_ns}) : std::nullopt);
}

bool is_same_nap(std::span<const IpSample> calls, const WaitState& nap) {
  return calls.size() >= enough_calls && std::ranges::all_of(calls, [&](const IpSample& call) {
           return call.ip == nap.pc && !call.registers.empty() &&
                  call.registers == calls.front().registers;
         });
}

std::optional<NapWindow> open_nap_window(pid_t pid, const WaitState& nap, std::uint64_t now_ns,
                                         std::size_t open_windows) {
  if (open_windows >= max_samplers)
    return std::nullopt;
  auto stack = stack_of(pid, nap);
  auto calls = IpSampler::start_at_calls(pid);
  if (stack.empty() || !calls)
    return std::nullopt;
  return NapWindow{std::move(*calls), std::move(stack), now_ns};
}

std::optional<bool> judge_nap_window(const NapWindow& window, pid_t pid, const WaitState& nap,
                                     std::uint64_t now_ns) {
  const auto calls = window.calls.samples();
  if (calls.size() < enough_calls && now_ns - window.opened_ns < longest_window_ns)
    return std::nullopt;
  return is_same_nap(calls, nap) && stack_of(pid, nap) == window.stack;
}

bool maps_shared_memory(pid_t pid) {
  auto space = AddressSpace::of(pid);
  // glibc maps this file so, and nobody writes to it.
  return !space || std::ranges::any_of(space->mappings(), [](const Mapping& mapping) {
    return mapping.is_shared &&
           (mapping.writable || !mapping.path.ends_with("gconv-modules.cache"));
  });
}

} // namespace forkmon
