// SPDX-License-Identifier: MIT
#include "sensors/probes.h"

#include "process/proc.h"

#include <fmt/format.h>

#include <cerrno>
#include <set>

namespace forkmon {
namespace {

constexpr pid_t kthreadd = 2;

/// Threads that start while we arm their siblings are inherited or found by looking again.
constexpr int max_looks = 16;

/// Some descriptors each.
constexpr std::size_t max_held = 512;

} // namespace

Status find_anchor() {
  auto stat = read_stat(kthreadd);
  if (!stat || !stat->is_kernel_thread)
    return Error{"process 2 is not the kernel's kthreadd: run in the host's pid namespace "
                 "(docker --pid=host, Kubernetes hostPID: true)"};
  return ok();
}

ProbeSensor::ProbeSensor(BpfPrograms& programs, UprobeEvents events)
    : programs_(programs), family_map_(programs.families_fd()), events_(std::move(events)) {}

Result<std::unique_ptr<ProbeSensor>> ProbeSensor::create(BpfPrograms& programs) {
  if (auto anchor = find_anchor(); !anchor)
    return anchor.error();
  auto events = UprobeEvents::create();
  if (!events)
    return events.error();
  return std::unique_ptr<ProbeSensor>(new ProbeSensor(programs, std::move(*events)));
}

Status ProbeSensor::add(const LibrarySites& library) {
  std::lock_guard lock(mutex_);
  if (libraries_.contains(library.file) || library.sites.empty())
    return ok();
  std::vector<ProbePoint> points;
  for (const auto& site : library.sites) {
    points.push_back({library.path, site.offset});
    fm_site key{library.file.inode, site.offset, library.file.dev, 0};
    if (auto done = programs_.set_site(key, site.place); !done)
      return done;
  }
  auto id = events_.define(fmt::format("library_{}", libraries_.size()), points);
  if (!id)
    return id.error().in("cannot probe " + library.path);
  auto anchor = open_tracepoint(*id, kthreadd, Inheritance::none);
  if (!anchor)
    return anchor.error();
  if (auto done = attach_program(*anchor, programs_.call_program_fd()); !done)
    return done;
  libraries_.emplace(library.file, Library{*id, std::move(*anchor)});
  return ok();
}

Status ProbeSensor::open_on(pid_t tid, Inheritance inheritance, std::vector<Fd>& opened) const {
  for (const auto& [file, library] : libraries_) {
    auto event = open_tracepoint(library.event_id, tid, inheritance);
    if (!event)
      return event.error();
    opened.push_back(std::move(*event));
  }
  return ok();
}

Status ProbeSensor::arm(pid_t pid, Inheritance inheritance, std::uint32_t family_flags) {
  std::lock_guard lock(mutex_);
  if (families_.contains(pid))
    return ok();
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  std::vector<Fd> events;
  std::set<pid_t> done_tids;
  for (int look = 0; look < max_looks; look++) {
    std::size_t before = done_tids.size();
    for (pid_t tid : threads_of(pid)) {
      if (!done_tids.insert(tid).second)
        continue;
      auto opened = open_on(tid, inheritance, events);
      if (!opened && opened.error().code != ESRCH)
        return opened.error();
    }
    if (done_tids.size() == before)
      break;
  }
  if (events.empty() && !libraries_.empty())
    return Error{fmt::format("process {} has ended", pid), ESRCH};
  if (auto marked = family_map_.set(pid, family_flags | FM_FAMILY_ARMED | FM_FAMILY_HELD); !marked)
    return marked;
  families_.emplace(pid, Family{std::move(*pidfd), std::move(events)});
  return ok();
}

Status ProbeSensor::hold(pid_t pid) {
  std::lock_guard lock(mutex_);
  if (families_.contains(pid)) // its events are its own, and stay as long as it is armed
    return family_map_.add(pid, FM_FAMILY_HELD);
  if (held_.size() >= max_held)
    forget_ended_held();
  if (held_.size() >= max_held)
    return Error{"as many processes with threads are held as there may be"};
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  std::vector<Fd> events;
  for (pid_t tid : threads_of(pid)) { // any of them may be the last to live
    auto opened = open_on(tid, Inheritance::none, events);
    if (!opened && opened.error().code != ESRCH)
      return opened;
  }
  held_.insert_or_assign(pid, Family{std::move(*pidfd), std::move(events)});
  return family_map_.add(pid, FM_FAMILY_HELD);
}

void ProbeSensor::disarm(pid_t pid) {
  std::lock_guard lock(mutex_);
  if (families_.erase(pid) != 0)
    (void)family_map_.set(pid, 0); // fails only when the process has ended
}

void ProbeSensor::release_held() {
  std::lock_guard lock(mutex_);
  forget_ended_held();
}

void ProbeSensor::forget_ended_held() {
  std::erase_if(held_, [](const auto& entry) { return has_ended(entry.second.pidfd); });
}

std::size_t ProbeSensor::armed_families() const {
  std::lock_guard lock(mutex_);
  return families_.size();
}

Status ProbeSensor::arm_everything() {
  std::lock_guard lock(mutex_);
  return open_on(-1, Inheritance::none, everything_);
}

std::vector<pid_t> ProbeSensor::ended() const {
  std::lock_guard lock(mutex_);
  std::vector<pid_t> ended;
  for (const auto& [pid, family] : families_)
    if (has_ended(family.pidfd))
      ended.push_back(pid);
  return ended;
}

} // namespace forkmon
