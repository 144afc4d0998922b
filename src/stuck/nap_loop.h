// SPDX-License-Identifier: MIT
/// Recognises a thread that naps again and again, and changes nothing in between: the wait of a
/// home-made spin lock.
#pragma once

#include "process/wait_state.h"
#include "stuck/ip_sampler.h"
#include "stuck/repetition.h"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace forkmon {

/// Looks that find a thread in the same nap, or running between two of them. Pure.
class NapWatch {
public:
  /// Takes in what a look has seen. Returns false where that ends a loop that had been going on.
  bool see(const WaitState& state, Abi abi, std::uint64_t now_ns);

  struct Loop {
    WaitState nap;
    std::uint64_t since_ns = 0;
    bool is_same(const Loop& other) const { return nap == other.nap; }
  };
  const std::optional<Loop>& loop() const { return repetition_.loop(); }

private:
  Repetition<Loop> repetition_;
};

/// That many system calls in a row are compared.
constexpr std::size_t enough_calls = 50;

/// Are all of these system calls the same nap, made with the same registers? A loop that counts, or
/// asks for something between two naps, makes others.
bool is_same_nap(std::span<const IpSample> calls, const WaitState& nap);

/// The system calls of a thread, and its stack when the window was opened.
struct NapWindow {
  IpSampler calls;
  std::vector<std::uint8_t> stack;
  std::uint64_t opened_ns = 0;
};

/// Nothing where too many windows are open, where the kernel does not let system calls be sampled,
/// or where the stack cannot be read.
std::optional<NapWindow> open_nap_window(pid_t pid, const WaitState& nap, std::uint64_t now_ns,
                                         std::size_t open_windows);

/// Has nothing changed since the window was opened, on the stack neither? Nothing as long as there
/// are too few calls, and it is too early to give up: who naps for long does not spin.
std::optional<bool> judge_nap_window(const NapWindow& window, pid_t pid, const WaitState& nap,
                                     std::uint64_t now_ns);

/// Has the process any memory that other processes may write to? Then its loop may be waiting for
/// one of them.
bool maps_shared_memory(pid_t pid);

} // namespace forkmon
