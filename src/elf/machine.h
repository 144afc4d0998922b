// SPDX-License-Identifier: MIT
/// The processors whose code is understood.
#pragma once

namespace forkmon {

enum class Machine { x86_64 = 1, arm64 = 2 };

/// The one that this build runs on.
constexpr Machine native_machine() {
#if defined(__x86_64__)
  return Machine::x86_64;
#elif defined(__aarch64__)
  return Machine::arm64;
#else
#error "forkmon knows x86-64 and arm64 only"
#endif
}

} // namespace forkmon
