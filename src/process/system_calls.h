// SPDX-License-Identifier: MIT
/// Numbers of the system calls that the stuck-child sensor knows, by the program's ABI.
#pragma once

#include <array>
#include <span>

namespace forkmon {

enum class Abi {
  native,
  compat, ///< a 32-bit program on a 64-bit kernel: i386, or 32-bit Arm
};

struct SystemCalls {
  long futex;
  long futex_time64; ///< -1 where there is none
  long futex_waitv;
  long futex_wait;
  long read;
  long readv;
  std::span<const long> input;   ///< those that wait for input, `read` included
  std::span<const long> polls;   ///< of `input`: how many descriptors is the second argument
  std::span<const long> selects; ///< of `input`: how many descriptors is the first argument
  std::span<const long> naps;    ///< those that wait for time to pass, or for nothing
};

const SystemCalls& system_calls(Abi abi);

/// The number without the bit that marks calls of the x32 ABI.
long plain_number(long number);

} // namespace forkmon
