// SPDX-License-Identifier: MIT
#include "app/discovery.h"

#include "util/time.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <limits>
#include <utility>

namespace forkmon {
namespace {

/// More than a tick takes: when a process that tells too often is looked at next.
constexpr std::uint64_t next_look_ns = 1'000'000'000;

} // namespace

std::vector<LateProbesEvent> Discovery::catch_up() {
  for (MapSnapshot& snapshot : maps_.take())
    take(std::move(snapshot));
  auto late = std::exchange(late_, {});
  std::ranges::move(std::exchange(unwatched_, {}), std::back_inserter(late));
  return late;
}

std::vector<LateProbesEvent> Discovery::tick() {
  maps_.start_period();
  for (pid_t pid : std::exchange(again_, {}))
    take(maps_.look(pid));
  return catch_up();
}

void Discovery::note_armed(pid_t pid, std::uint64_t looked_ns) {
  looks_of(pid) = {looked_ns, looked_ns, false};
  take(maps_.look(pid)); // its loader was not probed meanwhile
}

/// While a process is stopped, nothing of what it has mapped runs.
void Discovery::take(MapSnapshot snapshot) {
  const pid_t stopped = snapshot.is_stopped ? snapshot.pid : 0;
  if (snapshot.is_exec)
    note_exec(snapshot.pid, snapshot.told_ns);
  const std::size_t late = late_.size();
  if (snapshot.is_read)
    cover(std::move(snapshot));
  else
    note_unread(snapshot);
  if (stopped == 0)
    return;
  late_.resize(late);
  kill(stopped, SIGCONT); // our own command, not yet waited for: the pid is still its
}

/// What it had mapped before is gone. If its map was read only after the exec, nobody knows what
/// that was.
void Discovery::note_exec(pid_t pid, std::uint64_t time_ns) {
  Looks& looks = looks_of(pid);
  if (looks.last_ns > time_ns)
    note_late(looks.before_ns, time_ns, pid);
  looks = {time_ns, time_ns, false};
}

void Discovery::note_unread(const MapSnapshot& snapshot) {
  const bool is_too_often = snapshot.read_ns == 0;
  if (is_too_often)
    again_.insert(snapshot.pid);
  note_late(looks_of(snapshot.pid).last_ns,
            is_too_often ? snapshot.told_ns + next_look_ns : snapshot.read_ns, snapshot.pid);
}

void Discovery::cover(MapSnapshot snapshot) {
  const pid_t pid = snapshot.pid;
  const std::uint32_t account =
      snapshot.account != 0 ? snapshot.account : probes_.account_of(snapshot.pid);
  Looks& looks = looks_of(pid);
  looks = {snapshot.read_ns, looks.last_ns, looks.is_unwatched};
  if (snapshot.account != 0)
    on_mapped_(pid, snapshot.execs);
  const std::size_t probed = libraries_.probed();
  const KnownLibraries::Looked looked = libraries_.add(std::move(snapshot));
  if (probes_.arms_everything() && libraries_.probed() > probed)
    late_.push_back({0, monotonic_now_ns(), 0, {}}); // before, nobody carried these probes
  if (looked.unread)
    note_unwatched(pid, looks, *looked.unread);
  auto covered = probes_.cover(account, looked.mapped);
  if (!covered) {
    spdlog::debug("process {}: {}", pid, covered.error().message);
    note_unwatched(pid, looks, covered.error().message);
  } else if (*covered) {
    note_late(looks.before_ns, monotonic_now_ns(), pid);
    late_.back().family.insert(late_.back().family.end(), (*covered)->begin(), (*covered)->end());
    look_again(pid);
  }
}

/// One of the libraries that have just got probes may be its loader, which was at work before. Now,
/// because what it has mapped is to be known before the next event is believed.
void Discovery::look_again(pid_t pid) {
  if (depth_ >= max_depth) {
    again_.insert(pid);
    return;
  }
  depth_++;
  take(maps_.look(pid));
  depth_--;
}

/// Once and for all, until it calls exec. The kernel side knows from here on; what was forked since
/// the look before is the correlator's.
void Discovery::note_unwatched(pid_t pid, Looks& looks, const std::string& why) {
  if (std::exchange(looks.is_unwatched, true))
    return;
  (void)probes_.mark_unread(pid); // fails only when it has ended
  const auto mapped_by = static_cast<std::uint32_t>(pid);
  unwatched_.push_back({looks.before_ns,
                        std::numeric_limits<std::uint64_t>::max(),
                        mapped_by,
                        {mapped_by},
                        {InexactCause::library_unread, why}});
}

/// The process and those that it has forked in that time.
void Discovery::note_late(std::uint64_t from_ns, std::uint64_t to_ns, pid_t pid) {
  const auto mapped_by = static_cast<std::uint32_t>(pid);
  late_.push_back({from_ns, to_ns, mapped_by, {mapped_by}});
}

/// Zeros for a process that was not looked at: what it forked may always have been uncovered.
Discovery::Looks& Discovery::looks_of(pid_t pid) {
  if (looked_.size() >= max_processes && !looked_.contains(pid))
    looked_.clear();
  return looked_[pid];
}

} // namespace forkmon
