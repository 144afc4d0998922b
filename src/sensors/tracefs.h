// SPDX-License-Identifier: MIT
/// Uprobe events defined through tracefs (Documentation/trace/uprobetracer.rst of the kernel).
#pragma once

#include "util/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

/// One instruction to probe.
struct ProbePoint {
  std::string path; ///< any path that open(2) takes; may name a file in another mount namespace
  std::uint64_t offset = 0; ///< in the file
};

/// Where tracefs is mounted, or why it cannot be used.
Result<std::string> find_tracefs();

/// The uprobe events of this agent: a group of its own, removed when it goes.
class UprobeEvents {
public:
  /// Also removes the groups that killed agents left.
  static Result<UprobeEvents> create();
  UprobeEvents(UprobeEvents&&) = default;
  UprobeEvents& operator=(UprobeEvents&&) = default;
  ~UprobeEvents();

  /// Defines one event for all the points and returns its id for perf_event_open(2). `name` is an
  /// identifier, not used before.
  Result<std::uint64_t> define(const std::string& name, std::span<const ProbePoint> points);

private:
  UprobeEvents(std::string tracefs, std::string group);
  std::string tracefs_;
  std::string group_;
  std::vector<std::string> events_;
};

} // namespace forkmon
