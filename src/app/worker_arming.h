// SPDX-License-Identifier: MIT
/// Arms the living children of armed families: workers that were forked before their parent got its
/// probes, or while these were off.
#pragma once

#include "app/discovery.h"
#include "correlate/correlator.h"
#include "forkmon/event.h"
#include "sensors/probes.h"
#include "sensors/taints.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace forkmon {

class WorkerArming {
public:
  WorkerArming(ProbeSensor& probes, Discovery& discovery, TaintMap taints)
      : probes_(probes), discovery_(discovery), taints_(taints) {}

  /// The family of that first process was armed, or has got probes back.
  void look_at(pid_t pid, std::uint64_t now_ns);

  /// Arms what is due, the oldest first, for a part of a tick: it takes the kernel milliseconds
  /// each. Returns what the correlator has to know.
  std::vector<ArmedLateEvent> tick(std::uint64_t now_ns, const Correlator& correlator);

  std::uint64_t armed() const { return armed_; }
  /// Those that were left without probes, by reason: limit, error.
  const std::map<std::string, std::uint64_t>& not_armed() const { return not_armed_; }

private:
  struct Look {
    std::uint64_t until_ns = 0;
    std::set<ChildKey> done;
  };
  std::optional<ArmedLateEvent> arm(const Correlator::Relative& relative);
  void note_failure(pid_t worker, const Error& error);

  ProbeSensor& probes_;
  Discovery& discovery_;
  TaintMap taints_;
  std::map<std::uint32_t, Look> looks_; ///< by first process
  std::uint64_t armed_ = 0;
  std::map<std::string, std::uint64_t> not_armed_{{"limit", 0}, {"error", 0}};
};

} // namespace forkmon
