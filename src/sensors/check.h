// SPDX-License-Identifier: MIT
/// What this machine lets us use, and why not.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace forkmon {

/// One sensor as it stands here.
struct SensorCheck {
  std::string sensor;
  bool required = false; ///< without it the agent cannot do its job
  bool usable = false;
  std::string detail; ///< usable: what it rests on; else the reason and the way out
  std::string cost;   ///< what is lost without it
};

/// Tries each sensor, leaving nothing behind.
std::vector<SensorCheck> check_sensors();

/// The one thing that keeps any BPF from working here, with the way out; nothing where all is well.
std::optional<std::string> missing_prerequisite();

} // namespace forkmon
