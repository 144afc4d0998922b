// SPDX-License-Identifier: MIT
#include "app/discovery.h"

#include "process/proc.h"
#include "util/time.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <utility>

namespace forkmon {

namespace {

/// A process may make its loader's hook run as often as it likes, and each look costs us a read of
/// its memory map. Python maps some fifty modules at its start.
constexpr int max_looks_a_tick = 64;

/// More than a tick takes: when a process that tells too often is looked at next.
constexpr std::uint64_t next_look_ns = 1'000'000'000;

} // namespace

std::vector<LateProbesEvent> Discovery::catch_up() {
  programs_.consume_mapped([this](const fm_mapped& record) { take(record); });
  for (pid_t pid : std::exchange(waiting_, {}))
    look_or_wait(pid);
  return std::exchange(late_, {});
}

std::vector<LateProbesEvent> Discovery::tick() {
  looks_.clear();
  waiting_.merge(std::exchange(young_, {}));
  return catch_up();
}

void Discovery::note_armed(pid_t pid, std::uint64_t looked_ns) {
  last_look_of(pid) = looked_ns;
  waiting_.insert(pid); // its loader was not probed meanwhile
}

void Discovery::take(const fm_mapped& record) {
  const auto pid = static_cast<pid_t>(record.pid);
  if (record.is_exec)
    last_look_of(pid) = record.time_ns; // what it had mapped before is gone
  if (record.is_stopped) {
    look_in_time(pid);
    return;
  }
  waiting_.insert(pid);
  if (record.is_exec)
    young_.insert(pid);
}

/// While it is stopped, nothing of what it has mapped has run.
void Discovery::look_in_time(pid_t pid) {
  const std::size_t late = late_.size();
  look(pid);
  late_.resize(late);
  kill(pid, SIGCONT); // our own command, not yet waited for: the pid is still its
}

void Discovery::look_or_wait(pid_t pid) {
  int& looks = looks_[pid];
  if (looks++ < max_looks_a_tick) {
    look(pid);
    return;
  }
  young_.insert(pid);
  if (looks == max_looks_a_tick + 1) // what it forks meanwhile may carry too few
    late_.push_back({last_look_of(pid), monotonic_now_ns() + next_look_ns, 0,
                     {static_cast<std::uint32_t>(pid)}});
}

void Discovery::look(pid_t pid) {
  const std::uint64_t from_ns = last_look_of(pid);
  const std::uint64_t now_ns = monotonic_now_ns();
  auto files = libraries_.add_of(pid);
  if (!files) // it has ended
    return;
  auto covered = probes_.cover(pid, *files);
  if (!covered)
    spdlog::debug("process {}: {}", pid, covered.error().message);
  last_look_of(pid) = now_ns;
  if (covered && covered->empty()) // nothing was missing
    return;
  LateProbesEvent late{from_ns, monotonic_now_ns(), static_cast<std::uint32_t>(pid), {}};
  if (covered)
    late.family.assign(covered->begin(), covered->end());
  late_.push_back(std::move(late));
}

/// 0 for a process that was not looked at: what it forked may always have been uncovered.
std::uint64_t& Discovery::last_look_of(pid_t pid) {
  if (last_look_ns_.size() >= max_processes && !last_look_ns_.contains(pid))
    last_look_ns_.clear();
  return last_look_ns_[pid];
}

} // namespace forkmon
