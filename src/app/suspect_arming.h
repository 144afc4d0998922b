// SPDX-License-Identifier: MIT
/// Arms the processes that fork and do not exec at once (--probe=auto).
#pragma once

#include "app/known_libraries.h"
#include "correlate/correlator.h"
#include "correlate/suspects.h"

namespace forkmon {

class SuspectArming {
public:
  SuspectArming(ProbeSensor& probes, KnownLibraries& libraries)
      : probes_(probes), libraries_(libraries) {}

  void on(const Event& event) { suspects_.on(event); }

  /// Arms new suspects, and lets go of those that ended and left no child that is watched. Returns
  /// what the correlator has to know.
  std::vector<DisarmEvent> tick(std::uint64_t now_ns, const Correlator& correlator);

private:
  void arm(pid_t suspect);
  std::vector<DisarmEvent> release(std::uint64_t now_ns, const Correlator& correlator);

  ProbeSensor& probes_;
  KnownLibraries& libraries_;
  Suspects suspects_;
};

} // namespace forkmon
