// SPDX-License-Identifier: MIT
#include "correlate/probe_budget.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace forkmon {
namespace {

double ns(std::uint64_t value) {
  return static_cast<double>(value);
}

} // namespace

/// Strangers' execs are paid for by all families alike.
std::vector<ProbeBudget::Change> ProbeBudget::judge(const ProbesInUse& in_use,
                                                    std::uint64_t now_ns) {
  const auto& usage = in_use.families;
  std::erase_if(families_, [&](const auto& entry) { return !usage.contains(entry.first); });
  const double execs = families_.empty() ? 0 : ns(in_use.execs - execs_);
  execs_ = in_use.execs;
  std::vector<Change> changes;
  for (const auto& [pid, used] : usage)
    families_.try_emplace(pid, new_family(used.armed_ns));
  for (auto& [pid, family] : families_)
    for (const Change& change : judge(pid, family, usage.at(pid), execs, now_ns))
      changes.push_back(change);
  return changes;
}

/// Starts with a full allowance; what it has used since it was armed is yet to be paid.
ProbeBudget::Family ProbeBudget::new_family(std::uint64_t armed_ns) const {
  Family family;
  family.judged_ns = armed_ns;
  family.allowance_ns = ns(saved_ns) * share_;
  for (TierState& tier : family.tiers)
    tier.changed_ns = armed_ns;
  return family;
}

/// What each tier has cost since the family was last judged: nothing, while it is taken off. A fork
/// costs as much with one tier as with two.
std::array<double, probe_tiers> ProbeBudget::costs(const Family& family, const ProbeUsage& now,
                                                   double execs) const {
  std::array<double, probe_tiers> costs{};
  const ProbeUsage& before = family.used;
  const double family_count = ns(families_.size());
  double forks = ns(now.forks - before.forks);
  for (Tier tier : {Tier::cold, Tier::hot}) {
    const ProbeUsage::OfTier& used = now.tiers[index(tier)];
    if (!family.tiers[index(tier)].carried)
      continue;
    costs[index(tier)] =
        ns(used.hits - before.tiers[index(tier)].hits) * ns(hit_ns) +
        std::exchange(forks, 0) * ns(fork_ns) + ns(now.execs - before.execs) * ns(used.exec_ns) +
        execs * ns(used.sites) * (ns(site_ns) / family_count + ns(carried_site_ns * now.carriers));
  }
  return costs;
}

std::vector<ProbeBudget::Change> ProbeBudget::judge(pid_t pid, Family& family,
                                                    const ProbeUsage& used, double execs,
                                                    std::uint64_t now_ns) const {
  auto cost = costs(family, used, execs);
  double spent = std::accumulate(cost.begin(), cost.end(), 0.0);
  const double earned = ns(now_ns - family.judged_ns) * share_;
  family.allowance_ns = std::min(family.allowance_ns + earned - spent, ns(saved_ns) * share_);
  std::vector<Change> changes;
  while (family.allowance_ns < 0 && spent > earned) { // twice, where the other alone costs too much
    const Tier dearest = cost[0] >= cost[1] ? Tier::hot : Tier::cold;
    take_off(family.tiers[index(dearest)], now_ns);
    changes.push_back({pid, dearest, false});
    cost = costs(family, used, execs);
    spent = std::accumulate(cost.begin(), cost.end(), 0.0);
  }
  family.used = used;
  family.judged_ns = now_ns;
  for (Tier tier : tiers) {
    TierState& state = family.tiers[index(tier)];
    if (state.carried || family.allowance_ns < 0 || now_ns < state.changed_ns + state.back_off_ns)
      continue;
    state.carried = true;
    state.changed_ns = now_ns;
    changes.push_back({pid, tier, true});
  }
  return changes;
}

/// One that was carried for long after its last back-off starts anew.
void ProbeBudget::take_off(TierState& tier, std::uint64_t now_ns) {
  const bool was_carried_long = now_ns - tier.changed_ns > 2 * tier.back_off_ns;
  tier.back_off_ns = was_carried_long
                         ? first_back_off_ns
                         : std::clamp(tier.back_off_ns * 2, first_back_off_ns, longest_back_off_ns);
  tier.carried = false;
  tier.changed_ns = now_ns;
}

} // namespace forkmon
