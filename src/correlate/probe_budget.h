// SPDX-License-Identifier: MIT
/// What armed families may spend on their probes.
#pragma once

#include "forkmon/probe_usage.h"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace forkmon {

/// Each armed family has an allowance that grows with time, by a share of one CPU, and pays for
/// what its probes cost it, and everybody else. One that is in debt loses the tier that costs most,
/// or both where one alone would cost too much, and gets it back when the debt is paid off and a
/// back-off is over, which doubles each time. Pure: what was used, and the time, are given to it.
class ProbeBudget {
public:
  /// Prices in ns of CPU, measured on a virtual machine, where traps are dear (docs/performance.md,
  /// "What probes cost"): a probe on an emulated instruction is hit;
  static constexpr std::uint64_t hit_ns = 800;
  /// a process is forked with perf events and breakpoints, however many these are;
  static constexpr std::uint64_t fork_ns = 30'000;
  /// any process of the system execs, and maps its libraries: for each site;
  static constexpr std::uint64_t site_ns = 450;
  /// the same for each site and thread that carries probes.
  static constexpr std::uint64_t carried_site_ns = 25;
  /// An allowance is saved up for so long.
  static constexpr std::uint64_t saved_ns = 2'000'000'000;
  static constexpr std::uint64_t first_back_off_ns = 10'000'000'000;
  static constexpr std::uint64_t longest_back_off_ns = 640'000'000'000;

  /// `share` of one CPU: 0.01 is a hundredth. 0: nothing may be armed.
  explicit ProbeBudget(double share) : share_(share) {}

  bool allows_anything() const { return share_ > 0; }

  struct Change {
    pid_t pid = 0; ///< the family's first process
    Tier tier = Tier::hot;
    bool carry = false; ///< take the tier off, or put it back
  };
  /// What is to be changed now.
  std::vector<Change> judge(const ProbesInUse& in_use, std::uint64_t now_ns);

private:
  struct TierState {
    bool carried = true;
    std::uint64_t changed_ns = 0;
    std::uint64_t back_off_ns = 0; ///< the last one
  };
  struct Family {
    ProbeUsage used;
    std::uint64_t judged_ns = 0;
    double allowance_ns = 0; ///< of CPU; below zero: a debt
    std::array<TierState, probe_tiers> tiers;
  };
  Family new_family(std::uint64_t armed_ns) const;
  std::vector<Change> judge(pid_t pid, Family& family, const ProbeUsage& used, double execs,
                            std::uint64_t now_ns) const;
  std::array<double, probe_tiers> costs(const Family& family, const ProbeUsage& now,
                                        double execs) const;
  static void take_off(TierState& tier, std::uint64_t now_ns);

  double share_;
  std::map<pid_t, Family> families_;
  std::uint64_t execs_ = 0; ///< of the whole system, when last judged
};

} // namespace forkmon
