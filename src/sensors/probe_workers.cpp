// SPDX-License-Identifier: MIT
/// ProbeSensor's part that arms living children.
#include "process/proc.h"
#include "sensors/probes.h"

#include <fmt/format.h>

#include <cerrno>
#include <set>
#include <utility>

namespace forkmon {
namespace {

/// Of a family. Each takes descriptors until it ends, calls exec, or its family is let go.
constexpr std::size_t max_workers = 64;

/// Threads that start while their siblings are armed are inherited or found by looking again.
constexpr int max_looks = 16;

} // namespace

std::optional<pid_t> ProbeSensor::first_of_family(pid_t child) const {
  std::lock_guard lock(mutex_);
  const auto mark = family_of(child);
  if (!mark)
    return std::nullopt;
  if (auto own = families_.find(child); own != families_.end() && !has_ended(own->second.pidfd))
    return std::nullopt;
  for (const auto& [pid, armed] : families_)
    if (armed.owns(*mark))
      return pid;
  return std::nullopt;
}

/// First the events, then the mark: no child of the worker counts as armed that is not.
Result<bool> ProbeSensor::arm_worker(pid_t pid, pid_t worker, Fd pidfd) {
  std::lock_guard lock(mutex_);
  const auto found = families_.find(pid);
  if (found == families_.end() || worker == pid)
    return false;
  Armed& armed = found->second;
  const auto mark = family_map_.find(pidfd.get());
  const Armed* owner = mark ? std::as_const(*this).armed_of(*mark) : nullptr;
  const bool is_of_another = owner != nullptr && owner != &armed;
  if (armed.carried().empty() || is_of_another ||
      (owner != nullptr && mark->arming == armed.family.arming))
    return false;
  if (armed.workers.size() >= max_workers && !armed.workers.contains(worker))
    return Error{fmt::format("{} living children of process {} are armed, which is all that may be",
                             armed.workers.size(), pid),
                 EMFILE};
  if (auto room =
          check_room(worker, threads_of(worker).size(), armed.carried().size(), armed.files);
      !room)
    return room.error();
  if (auto former = armed.workers.find(worker);
      former != armed.workers.end() && has_ended(former->second.pidfd))
    armed.workers.erase(former); // its number is given again
  Worker& entry = armed.workers[worker];
  entry.pidfd = std::move(pidfd);
  if (auto opened = open_on_worker(worker, armed, entry); !opened)
    return opened.error();
  const fm_family joined{(armed.family.flags & FM_FAMILY_WATCHED) | FM_FAMILY_HELD |
                             (mark ? mark->flags & FM_FAMILY_UNREAD : 0U),
                         armed.family.account, armed.family.arming};
  if (auto marked = family_map_.set(entry.pidfd.get(), joined); !marked)
    return marked.error();
  return armed.carried().size() == probe_tiers;
}

/// What it carries of its own already stays as it is; what it inherited may be there twice, which
/// counts once.
Status ProbeSensor::open_on_worker(pid_t pid, Armed& armed, Worker& worker) {
  for (Tier tier : armed.carried()) {
    auto& events = worker.events[index(tier)];
    if (!events.empty())
      continue;
    std::set<pid_t> done;
    for (int look = 0; look < max_looks; look++) {
      const std::size_t before = done.size();
      for (pid_t tid : threads_of(pid))
        if (done.insert(tid).second)
          if (auto opened = open_on_thread(tid, armed.inheritance, tier, armed.files, events);
              !opened)
            return opened;
      if (done.size() == before)
        break;
    }
    worker.threads = std::max(worker.threads, done.size());
  }
  return worker.threads > 0 ? ok() : Status(Error{"the process has ended", ESRCH});
}

/// An exec took their probes off, and the kernel side took their marks.
void ProbeSensor::forget_ended_workers() {
  for (auto& [pid, armed] : families_)
    std::erase_if(armed.workers, [&](const auto& entry) {
      const Fd& pidfd = entry.second.pidfd;
      return has_ended(pidfd) || !family_map_.find(pidfd.get());
    });
}

} // namespace forkmon
