// SPDX-License-Identifier: MIT
/// Arms those that fork and do not exec at once (--probe=auto), within a budget.
#pragma once

#include "app/discovery.h"
#include "app/known_libraries.h"
#include "app/worker_arming.h"
#include "correlate/correlator.h"
#include "correlate/probe_budget.h"
#include "correlate/suspects.h"
#include "forkmon/totals.h"

#include <optional>

namespace forkmon {

class SuspectArming {
public:
  /// `budget`: what an armed family may spend on its probes, as a share of one CPU.
  SuspectArming(ProbeSensor& probes, KnownLibraries& libraries, Discovery& discovery,
                TaintMap taints, double budget);

  void on(const Event& event) { suspects_.on(event); }

  /// Arms new suspects and their living children, takes probes off those that cost too much, and
  /// lets go of those that have called exec, or ended and left no child that is watched. Returns
  /// what the correlator has to know.
  std::vector<Event> tick(std::uint64_t now_ns, const Correlator& correlator);

  /// Fills in what was taken off, put back, and not armed.
  void count_in(KernelTotals& totals) const;

private:
  void release(const Correlator& correlator);
  void let_go(pid_t pid, InexactCause cause);
  void restore(pid_t pid, Tier tier);
  void drop(pid_t pid, Tier tier);
  void keep_to_budget(std::uint64_t now_ns);
  void arm(const Suspect& suspect, std::uint64_t now_ns);
  Status try_arming(const Suspect& suspect, std::uint64_t now_ns);
  Status put_probes_on(const Suspect& suspect, const std::vector<FileId>& mapped);
  std::optional<pid_t> lesser_offender(pid_t than) const;
  void count_disarms(const char* reason);

  ProbeSensor& probes_;
  KnownLibraries& libraries_;
  Discovery& discovery_;
  WorkerArming workers_;
  Suspects suspects_;
  ProbeBudget budget_;
  std::vector<Event> news_;                                              ///< of this tick
  std::map<std::pair<std::string, std::string>, std::uint64_t> disarms_; ///< by tier and reason
  std::map<std::string, std::uint64_t> rearms_;                          ///< by tier
  std::map<std::string, std::uint64_t> not_armed_;                       ///< by reason
};

} // namespace forkmon
