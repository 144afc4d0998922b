// SPDX-License-Identifier: MIT
/// Who does most of what forkmon looks for.
#pragma once

#include <cstdint>
#include <string>

namespace forkmon {

/// What the series of an executable in a container add up to; text as on the labels.
struct Offender {
  std::string exe;
  std::string container_id; ///< with its runtime: "containerd://…"; empty on the host itself
  std::uint64_t deadlocked_children = 0; ///< alive now
  std::uint64_t high_calls = 0;
  std::uint64_t warning_calls = 0;
  std::uint64_t info_calls = 0;
};

} // namespace forkmon
