// SPDX-License-Identifier: MIT
#include "app/suspect_arming.h"

#include "process/proc.h"
#include "process/process_id.h"
#include "sensors/perf_event.h"
#include "util/time.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

namespace forkmon {

/// Counters start at 0, so that the first increase is one to Prometheus.
SuspectArming::SuspectArming(ProbeSensor& probes, KnownLibraries& libraries, Discovery& discovery,
                             TaintMap taints, double budget)
    : probes_(probes), libraries_(libraries), discovery_(discovery),
      workers_(probes, discovery, taints),
      budget_(budget), not_armed_{{"limit", 0}, {"budget", 0}, {"error", 0}} {
  for (Tier tier : tiers) {
    rearms_[to_string(tier)] = 0;
    for (const char* reason : {"budget", "exec", "limit"})
      disarms_[{to_string(tier), reason}] = 0;
  }
}

std::vector<Event> SuspectArming::tick(std::uint64_t now_ns, const Correlator& correlator) {
  release(correlator);
  keep_to_budget(now_ns);
  for (const Suspect& suspect : suspects_.due(now_ns))
    arm(suspect, now_ns);
  for (const ArmedLateEvent& armed : workers_.tick(now_ns, correlator))
    news_.push_back(armed);
  probes_.release_unused();
  return std::exchange(news_, {});
}

/// The perf events of children hang on their parent's, and go with them.
void SuspectArming::release(const Correlator& correlator) {
  for (pid_t pid : probes_.execed()) {
    let_go(pid, InexactCause::family_execed);
    count_disarms("exec");
  }
  const auto ended = probes_.ended();
  if (ended.empty())
    return;
  const auto needed = correlator.needed();
  for (pid_t pid : ended)
    if (!needed.contains(static_cast<std::uint32_t>(pid)))
      let_go(pid, InexactCause::disarmed);
}

void SuspectArming::let_go(pid_t pid, InexactCause cause) {
  const std::uint64_t off_ns = probes_.disarm(pid);
  suspects_.forget(static_cast<std::uint32_t>(pid));
  news_.push_back(DisarmEvent{off_ns, static_cast<std::uint32_t>(pid), cause});
}

void SuspectArming::count_disarms(const char* reason) {
  for (Tier tier : tiers)
    disarms_[{to_string(tier), reason}]++;
}

void SuspectArming::keep_to_budget(std::uint64_t now_ns) {
  auto in_use = probes_.in_use();
  if (!in_use) {
    spdlog::debug("{}", in_use.error().message);
    return;
  }
  for (const auto& change : budget_.judge(*in_use, now_ns))
    change.carry ? restore(change.pid, change.tier) : drop(change.pid, change.tier);
}

void SuspectArming::restore(pid_t pid, Tier tier) {
  rearms_[to_string(tier)]++;
  auto restored = probes_.restore(pid, tier);
  if (restored)
    workers_.look_at(pid, monotonic_now_ns());
  else
    spdlog::debug("the {} probes of process {}: {}", to_string(tier), pid,
                  restored.error().message);
}

void SuspectArming::drop(pid_t pid, Tier tier) {
  disarms_[{to_string(tier), "budget"}]++;
  const auto off_ns = probes_.drop(pid, tier);
  if (!off_ns)
    spdlog::debug("the {} probes of process {}: {}", to_string(tier), pid, off_ns.error().message);
  news_.push_back(DisarmEvent{off_ns ? *off_ns : monotonic_now_ns(),
                              static_cast<std::uint32_t>(pid), InexactCause::over_budget});
}

void SuspectArming::arm(const Suspect& suspect, std::uint64_t now_ns) {
  if (!budget_.allows_anything()) {
    not_armed_["budget"]++;
    return;
  }
  const ProcessId process{static_cast<pid_t>(suspect.pid), suspect.start_ticks};
  if (!is_still(process))
    return;
  auto armed = try_arming(suspect, now_ns);
  if (!is_still(process)) // it has ended, and another may have got its number and the probes
    return let_go(process.pid, InexactCause::disarmed);
  if (armed || armed.error().code == ESRCH)
    return;
  not_armed_[armed.error().code == EMFILE ? "limit" : "error"]++;
  spdlog::debug("process {} is not armed: {}", suspect.pid, armed.error().message);
}

/// Where there is no room, the worst offenders have it.
Status SuspectArming::try_arming(const Suspect& suspect, std::uint64_t now_ns) {
  const auto pid = static_cast<pid_t>(suspect.pid);
  if (const auto first = probes_.first_of_family(pid)) { // it shares that one's probes and budget
    workers_.look_at(*first, now_ns);
    return ok();
  }
  auto mapped = libraries_.add_of(pid);
  if (!mapped)
    return mapped.error();
  auto armed = put_probes_on(suspect, mapped->mapped);
  if (!armed && armed.error().code == EEXIST) {
    let_go(pid, InexactCause::disarmed);
    armed = put_probes_on(suspect, mapped->mapped);
  }
  while (!armed && armed.error().code == EMFILE) {
    auto lesser = lesser_offender(pid);
    if (!lesser)
      break;
    let_go(*lesser, InexactCause::made_room);
    count_disarms("limit");
    armed = put_probes_on(suspect, mapped->mapped);
  }
  if (!armed)
    return armed;
  discovery_.note_armed(pid, now_ns);
  workers_.look_at(pid, now_ns);
  return armed;
}

/// On the thread that forks, or the first one where it is not known which that is. One that has
/// ended already may have been started for that fork alone: then on all, so that those which are
/// started for the next forks inherit them.
Status SuspectArming::put_probes_on(const Suspect& suspect, const std::vector<FileId>& mapped) {
  const auto pid = static_cast<pid_t>(suspect.pid);
  const auto tid = suspect.tid == 0 ? pid : static_cast<pid_t>(suspect.tid);
  const auto tids = threads_of(pid);
  if (can_keep_contexts_apart() && std::ranges::find(tids, tid) != tids.end())
    return probes_.arm_thread(pid, tid, mapped);
  return probes_.arm(pid, Inheritance::until_exec, 0, mapped);
}

/// The least of the armed, if it has committed less than half of the other's offences: with less of
/// a difference they would take turns.
std::optional<pid_t> SuspectArming::lesser_offender(pid_t than) const {
  std::uint64_t least = suspects_.offences(static_cast<std::uint32_t>(than)) / 2;
  std::optional<pid_t> found;
  for (pid_t pid : probes_.armed()) {
    std::uint64_t offences = suspects_.offences(static_cast<std::uint32_t>(pid));
    if (offences < least) {
      least = offences;
      found = pid;
    }
  }
  return found;
}

void SuspectArming::count_in(KernelTotals& totals) const {
  totals.disarms = disarms_;
  totals.rearms = rearms_;
  totals.suspects_not_armed = not_armed_;
  totals.workers_armed = workers_.armed();
  totals.workers_not_armed = workers_.not_armed();
}

} // namespace forkmon
