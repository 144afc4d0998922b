// SPDX-License-Identifier: MIT
/// What the agent says of itself, beside what the kernel counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace forkmon {

/// Of the configuration file.
struct ConfigState {
  std::string probe; ///< the policy in force: auto, all or none
  std::string file;  ///< empty without one
  bool last_reload_successful = true;
  double last_success_seconds = 0; ///< of the start or a reload, since the epoch
  std::uint64_t reloads_successful = 0;
  std::uint64_t reloads_failed = 0;
};

/// What nobody has filled in is not exported: a 0 would claim that somebody looked.
struct AgentState {
  std::optional<ConfigState> config;
  std::map<std::string, std::uint64_t> errors;     ///< by component
  std::optional<double> last_error_seconds;        ///< since the epoch
  std::map<std::string, std::uint64_t> suppressed; ///< findings that were not logged, by kind
  std::map<std::string, std::uint64_t> allowed;    ///< findings that [[allow]] took out, by kind
};

} // namespace forkmon
