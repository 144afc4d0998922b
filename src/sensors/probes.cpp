// SPDX-License-Identifier: MIT
#include "sensors/probes.h"

#include "process/proc.h"
#include "util/time.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace forkmon {
namespace {

/// Threads that start while we arm their siblings are inherited or found by looking again.
constexpr int max_looks = 16;

/// The former process's children may still need its probes, so the caller decides what to disarm.
Error former_is_armed(pid_t pid) {
  return {fmt::format("another process {} was armed, whose family carries probes", pid), EEXIST};
}

/// Some descriptors each.
constexpr std::size_t max_held = 512;

/// A process in which more threads than these fork is armed as a whole: others are to be expected,
/// and what is armed one by one takes descriptors until the process ends.
constexpr std::size_t most_single_threads = 16;

/// A perf event takes some KiB of kernel memory.
constexpr std::size_t most_descriptors = 32768;
/// Left to everything else that is opened: pidfds, library files, /proc.
constexpr std::size_t other_descriptors = 1024;
/// The agent at rest has about sixty, and must be able to answer a scrape.
constexpr rlim_t least_other_descriptors = 72;

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const auto files = std::min<rlim_t>(limit.rlim_max, most_descriptors + other_descriptors);
  if (files > 2 * other_descriptors)
    return files - other_descriptors;
  return files > 2 * least_other_descriptors ? files / 2
                                             : files - std::min(files, least_other_descriptors);
}

} // namespace

ProbeSensor::ProbeSensor(BpfPrograms& programs, LibraryProbes libraries,
                         std::size_t max_descriptors)
    : programs_(programs), family_map_(programs.families()), libraries_(std::move(libraries)),
      max_descriptors_(max_descriptors) {}

Result<std::unique_ptr<ProbeSensor>> ProbeSensor::create(BpfPrograms& programs, Tiers tiers) {
  if (auto reason = programs.why_no_probes())
    return Error{*reason};
  auto anchor = Anchor::create();
  if (!anchor)
    return anchor.error();
  auto events = UprobeEvents::create();
  if (!events)
    return events.error();
  LibraryProbes libraries(programs, tiers, std::move(*anchor), std::move(*events));
  return std::unique_ptr<ProbeSensor>(
      new ProbeSensor(programs, std::move(libraries), raise_descriptor_limit()));
}

/// hold() cannot wait until probes are defined.
Status ProbeSensor::add(const LibrarySites& library) {
  if (libraries_.has(library.file) || (library.sites.empty() && !library.loader_hook))
    return ok();
  auto defined = libraries_.define(library);
  if (!defined)
    return defined.error();
  std::lock_guard lock(mutex_);
  libraries_.add(library.file, std::move(*defined));
  return arms_everything_ ? open_everywhere({library.file}) : ok();
}

std::vector<Tier> ProbeSensor::Armed::carried() const {
  std::vector<Tier> carried;
  for (Tier tier : tiers)
    if (!dropped[index(tier)])
      carried.push_back(tier);
  return carried;
}

bool ProbeSensor::Armed::owns(const fm_family& mark) const {
  return mark.account == family.account && mark.arming >= since;
}

/// To be told before a tier is taken off, and after one was put on all that have the number. In two
/// steps, because the kernel side may look meanwhile.
Status ProbeSensor::tell_carried(const Armed& armed) {
  const auto carried = armed.carried();
  fm_carried now{.since = carried.empty() ? FM_NOBODY : armed.since,
                 .all = 0,
                 .events = libraries_.events_in(armed.files),
                 .reserved = 0};
  auto told = programs_.set_carried(armed.family.account, now);
  if (!told || carried.size() < probe_tiers)
    return told;
  now.all = armed.family.arming;
  return programs_.set_carried(armed.family.account, now);
}

/// Nobody else writes the entry, so that it cannot fail.
void ProbeSensor::tell_nobody(const Armed& armed) {
  (void)programs_.set_carried(armed.family.account,
                              {.since = FM_NOBODY, .all = 0, .events = 0, .reserved = 0});
}

Status ProbeSensor::open_on_thread(pid_t tid, Inheritance inheritance, Tier tier,
                                   const Files& files, std::vector<OpenProbe>& opened) {
  auto done = libraries_.open_tier(tid, inheritance, tier, files, opened);
  return done || done.error().code == ESRCH ? ok() : done;
}

/// On all threads of a process, or on those that are marked.
Status ProbeSensor::open_on_threads(pid_t pid, bool all, Tier tier, const Files& files,
                                    Armed& armed) {
  std::set<pid_t> done_tids;
  for (int look = 0; look < max_looks; look++) {
    std::size_t before = done_tids.size();
    for (pid_t tid : all ? threads_of(pid) : marked_threads_of(pid, armed)) {
      if (!done_tids.insert(tid).second)
        continue;
      if (auto opened =
              open_on_thread(tid, armed.inheritance, tier, files, armed.events[index(tier)]);
          !opened)
        return opened;
    }
    if (done_tids.size() == before)
      break;
  }
  armed.threads = std::max(armed.threads, done_tids.size());
  return ok();
}

/// Threads that come while they are counted may exceed it by a few, for which there is room.
Status ProbeSensor::check_room(pid_t pid, std::size_t threads, std::size_t tier_count,
                               const Files& files) const {
  std::size_t needed = threads * files.size() * tier_count;
  if (open_descriptors() + needed > max_descriptors_)
    return Error{fmt::format("process {} takes {} descriptors, which is more than is left of {}",
                             pid, needed, max_descriptors_),
                 EMFILE};
  return ok();
}

/// The longest unused one: children of a family may outlive it, and go on to use its account.
Result<std::uint32_t> ProbeSensor::free_account() {
  for (std::uint32_t tried = 1; tried < FM_MAX_ACCOUNTS; tried++) {
    last_account_ = last_account_ % (FM_MAX_ACCOUNTS - 1) + 1;
    if (std::ranges::none_of(families_, [&](const auto& entry) {
          return entry.second.family.account == last_account_;
        }))
      return last_account_;
  }
  return Error{
      fmt::format("{} families are armed, which is all that there may be", families_.size()),
      EMFILE};
}

Result<ProbeSensor::Armed> ProbeSensor::prepare(pid_t pid, std::size_t threads,
                                                Inheritance inheritance, std::uint32_t flags,
                                                Files files) {
  if (auto room = check_room(pid, threads, probe_tiers, files); !room)
    return room.error();
  auto account = free_account();
  if (!account)
    return account.error();
  auto at_start = programs_.account(*account);
  if (!at_start)
    return at_start.error();
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  const std::uint64_t arming = ++last_arming_;
  return Armed{.pidfd = std::move(*pidfd),
               .inheritance = inheritance,
               .family = {flags | FM_FAMILY_HELD, *account, arming}, // its events are its own
               .at_start = *at_start,
               .since_ns = monotonic_now_ns(),
               .threads = 0,
               .files = std::move(files),
               .since = arming,
               .workers = {}};
}

Status ProbeSensor::arm(pid_t pid, Inheritance inheritance, std::uint32_t family_flags,
                        std::span<const FileId> mapped) {
  std::lock_guard lock(mutex_);
  if (auto found = families_.find(pid); found != families_.end()) {
    if (has_ended(found->second.pidfd))
      return former_is_armed(pid);
    return found->second.by_thread() ? widen(pid, found->second) : ok();
  }
  auto armed =
      prepare(pid, threads_of(pid).size(), inheritance, family_flags, libraries_.known_of(mapped));
  if (!armed)
    return armed.error();
  for (Tier tier : tiers)
    if (auto opened = open_on_threads(pid, true, tier, armed->files, *armed); !opened)
      return opened;
  if (armed->threads == 0 && !has_ended(armed->pidfd))
    return Error{fmt::format("the threads of process {} cannot be listed", pid), EMFILE};
  if (armed->threads == 0)
    return Error{fmt::format("process {} has ended", pid), ESRCH};
  return join(pid, std::move(*armed));
}

/// What it forks from here on counts as armed.
Status ProbeSensor::join(pid_t pid, Armed armed) {
  if (auto told = tell_carried(armed); !told)
    return told;
  if (auto marked = family_map_.set(armed.pidfd.get(), armed.family); !marked) {
    tell_nobody(armed);
    return marked;
  }
  families_.emplace(pid, std::move(armed));
  return ok();
}

/// From some threads to all. Those that were armed before get a second event, which finds the
/// breakpoints there.
Status ProbeSensor::widen(pid_t pid, Armed& armed) {
  if (auto room = check_room(pid, threads_of(pid).size(), probe_tiers, armed.files); !room)
    return room;
  for (Tier tier : armed.carried())
    if (auto opened = open_on_threads(pid, true, tier, armed.files, armed); !opened)
      return opened;
  armed.family.flags &= ~FM_FAMILY_BY_THREAD;
  return family_map_.set(armed.pidfd.get(), armed.family);
}

Status ProbeSensor::arm_thread(pid_t pid, pid_t tid, std::span<const FileId> mapped) {
  std::lock_guard lock(mutex_);
  if (auto found = families_.find(pid); found != families_.end()) {
    Armed& armed = found->second;
    if (has_ended(armed.pidfd))
      return former_is_armed(pid);
    if (!armed.by_thread() || is_marked(tid, armed))
      return ok();
    return armed.threads < most_single_threads ? add_thread(pid, tid, armed) : widen(pid, armed);
  }
  auto armed =
      prepare(pid, 1, Inheritance::until_exec, FM_FAMILY_BY_THREAD, libraries_.known_of(mapped));
  if (!armed)
    return armed.error();
  if (auto added = add_thread(pid, tid, *armed); !added)
    return added;
  return join(pid, std::move(*armed));
}

/// First the events, then the mark: no child counts as armed that is not.
Status ProbeSensor::add_thread(pid_t pid, pid_t tid, Armed& armed) {
  if (auto room = check_room(pid, 1, probe_tiers, armed.files); !room)
    return room;
  for (Tier tier : armed.carried())
    if (auto opened =
            open_on_thread(tid, armed.inheritance, tier, armed.files, armed.events[index(tier)]);
        !opened)
      return opened;
  armed.threads++;
  return mark_thread(pid, tid, armed);
}

/// A process's first thread and the process itself have one mark.
Status ProbeSensor::mark_thread(pid_t pid, pid_t tid, Armed& armed) const {
  if (tid == pid) {
    armed.family.flags |= FM_FAMILY_THREAD;
    return family_map_.set(armed.pidfd.get(), armed.family);
  }
  auto thread = open_thread_pidfd(tid);
  if (!thread)
    return thread.error();
  return family_map_.set(thread->get(),
                         {FM_FAMILY_THREAD, armed.family.account, armed.family.arming});
}

/// Those that have a mark already: with the present number. Threads that they start meanwhile have
/// theirs from them, the former number or the present one.
Status ProbeSensor::mark_threads(pid_t pid, Armed& armed) const {
  std::set<pid_t> done;
  for (int look = 0; look < max_looks; look++) {
    const std::size_t before = done.size();
    for (pid_t tid : marked_threads_of(pid, armed))
      if (done.insert(tid).second)
        if (auto marked = mark_thread(pid, tid, armed); !marked && marked.error().code != ESRCH)
          return marked;
    if (done.size() == before)
      break;
  }
  return ok();
}

bool ProbeSensor::is_marked(pid_t tid, const Armed& armed) const {
  auto thread = open_thread_pidfd(tid);
  auto mark = thread ? family_map_.find(thread->get()) : std::nullopt;
  return mark && (mark->flags & FM_FAMILY_THREAD) != 0 && armed.owns(*mark);
}

std::vector<pid_t> ProbeSensor::marked_threads_of(pid_t pid, const Armed& armed) const {
  std::vector<pid_t> tids = threads_of(pid);
  std::erase_if(tids, [&](pid_t tid) { return !is_marked(tid, armed); });
  return tids;
}

ProbeSensor::Armed* ProbeSensor::armed_of(std::uint32_t account) {
  auto found = std::ranges::find_if(
      families_, [&](const auto& entry) { return entry.second.family.account == account; });
  return found == families_.end() ? nullptr : &found->second;
}

/// Null where what it had of its probes was taken off, though another family has its account.
const ProbeSensor::Armed* ProbeSensor::armed_of(const fm_family& mark) const {
  auto found =
      std::ranges::find_if(families_, [&](const auto& entry) { return entry.second.owns(mark); });
  return found == families_.end() ? nullptr : &found->second;
}

std::optional<fm_family> ProbeSensor::family_of(pid_t pid) const {
  auto pidfd = open_pidfd(pid);
  return pidfd ? family_map_.find(pidfd->get()) : std::nullopt;
}

std::uint32_t ProbeSensor::account_of(pid_t pid) const {
  std::lock_guard lock(mutex_);
  auto family = family_of(pid);
  return family && armed_of(*family) != nullptr ? family->account : 0;
}

/// Processes that are forked while their relatives get probes inherit them or are found by looking
/// again. Wherever they hang in the tree: a child whose parent ended has another one.
Status ProbeSensor::open_on_family(const Files& files, Armed& armed, std::set<pid_t>& done) {
  for (int look = 0; look < max_looks; look++) {
    const std::size_t before = done.size();
    for (pid_t pid : all_processes()) {
      auto family = done.contains(pid) ? std::nullopt : family_of(pid);
      if (!family || !armed.owns(*family))
        continue;
      done.insert(pid);
      const bool all = (family->flags & FM_FAMILY_BY_THREAD) == 0;
      if (auto room = check_room(pid, threads_of(pid).size(), probe_tiers, files); !room)
        return room;
      for (Tier tier : armed.carried())
        if (auto opened = open_on_threads(pid, all, tier, files, armed); !opened)
          return opened;
    }
    if (done.size() == before)
      break;
  }
  return ok();
}

Result<std::optional<std::vector<pid_t>>> ProbeSensor::cover(std::uint32_t account,
                                                             std::span<const FileId> mapped) {
  using Covered = std::optional<std::vector<pid_t>>;
  std::lock_guard lock(mutex_);
  Armed* armed = account != 0 ? armed_of(account) : nullptr;
  if (armed == nullptr)
    return Covered();
  Files lacking = libraries_.known_of(mapped);
  std::erase_if(lacking, [&](const FileId& file) { return armed->files.contains(file); });
  if (lacking.empty())
    return Covered();
  armed->files.insert(lacking.begin(), lacking.end());
  std::set<pid_t> done;
  if (auto opened = open_on_family(lacking, *armed, done); !opened) {
    for (const FileId& file : lacking) // whoever maps them next lacks them, too
      armed->files.erase(file);
    return opened.error();
  }
  if (auto told = tell_carried(*armed); !told)
    return told.error();
  return Covered(std::vector<pid_t>(done.begin(), done.end()));
}

Status ProbeSensor::hold(pid_t pid) {
  std::lock_guard lock(mutex_);
  if (auto armed = families_.find(pid); armed != families_.end() && !has_ended(armed->second.pidfd))
    return family_map_.add_flags(armed->second.pidfd.get(),
                                 FM_FAMILY_HELD); // its events are its own
  if (held_.size() >= max_held)
    forget_ended_held();
  if (held_.size() >= max_held)
    return Error{"as many processes with threads are held as there may be"};
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  const auto tids = threads_of(pid);
  auto family = family_map_.find(pidfd->get());
  const Armed* relatives = family ? armed_of(*family) : nullptr;
  if (relatives == nullptr)
    return ok(); // it has called exec, or its probes were taken off
  Files files = relatives->files;
  if (auto room = check_room(pid, tids.size(), probe_tiers, files); !room)
    return room;
  Armed held{
      .pidfd = std::move(*pidfd), .family = *family, .files = std::move(files), .workers = {}};
  for (pid_t tid : tids) { // any of them may be the last to live
    for (Tier tier : relatives->carried()) {
      auto opened =
          libraries_.open_calls(tid, Inheritance::none, tier, held.files, held.events[index(tier)]);
      if (!opened && opened.error().code != ESRCH)
        return opened;
    }
  }
  auto& entry = held_.insert_or_assign(pid, std::move(held)).first->second;
  auto marked = family_map_.add_flags(entry.pidfd.get(), FM_FAMILY_HELD);
  for (pid_t tid : threads_of(pid)) // what is less urgent
    (void)libraries_.open_hooks(tid, Inheritance::none, entry.files,
                                entry.events[index(Tier::cold)]);
  return marked;
}

/// First what the kernel side is told, so that no child counts as armed that is not.
Result<std::uint64_t> ProbeSensor::drop(pid_t pid, Tier tier) {
  std::lock_guard lock(mutex_);
  auto found = families_.find(pid);
  if (found == families_.end())
    return monotonic_now_ns();
  Armed& armed = found->second;
  armed.dropped[index(tier)] = true;
  if (auto told = tell_carried(armed); !told)
    return told.error();
  const std::uint64_t now_ns = monotonic_now_ns();
  clear_events(armed, tier);
  return now_ns;
}

void ProbeSensor::clear_events(Armed& armed, Tier tier) {
  armed.events[index(tier)].clear();
  for (auto& [pid, worker] : armed.workers)
    worker.events[index(tier)].clear();
  for (auto& [pid, held] : held_)
    if (held.family.account == armed.family.account)
      held.events[index(tier)].clear();
}

/// Only who has got the tier back has the new number: what others of the family fork lacks it.
Status ProbeSensor::restore(pid_t pid, Tier tier) {
  std::lock_guard lock(mutex_);
  auto found = families_.find(pid);
  if (found == families_.end() || !found->second.dropped[index(tier)])
    return ok();
  Armed& armed = found->second;
  const std::size_t threads = armed.by_thread() ? armed.threads : threads_of(pid).size();
  if (auto room = check_room(pid, threads, 1, armed.files); !room)
    return room;
  if (auto opened = open_on_threads(pid, !armed.by_thread(), tier, armed.files, armed); !opened)
    return opened;
  const bool carried_nothing = armed.carried().empty();
  armed.dropped[index(tier)] = false;
  armed.family.arming = ++last_arming_;
  if (auto marked = family_map_.set(armed.pidfd.get(), armed.family); !marked)
    return marked;
  if (auto marked = armed.by_thread() ? mark_threads(pid, armed) : ok(); !marked)
    return marked;
  if (carried_nothing)
    armed.since = armed.family.arming;
  return tell_carried(armed);
}

std::uint64_t ProbeSensor::disarm(pid_t pid) {
  std::lock_guard lock(mutex_);
  auto found = families_.find(pid);
  if (found == families_.end())
    return monotonic_now_ns();
  tell_nobody(found->second);
  const std::uint64_t now_ns = monotonic_now_ns();
  (void)family_map_.clear(found->second.pidfd.get()); // fails only when the process has ended
  std::erase_if(held_, [&](const auto& entry) {
    return entry.second.family.account == found->second.family.account;
  });
  families_.erase(found);
  return now_ns;
}

/// Not while the mutex is held, for which hold() would wait.
void ProbeSensor::release_unused() {
  LibraryProbes::Anchors unused;
  std::lock_guard lock(mutex_);
  unused = libraries_.take_unused_anchors();
}

void ProbeSensor::release_held() {
  std::lock_guard lock(mutex_);
  forget_ended_held();
  forget_ended_workers();
}

Status ProbeSensor::mark_unread(pid_t pid) {
  return add_flag(pid, FM_FAMILY_UNREAD);
}

Status ProbeSensor::mark_watched(pid_t pid) {
  return add_flag(pid, FM_FAMILY_WATCHED);
}

bool ProbeSensor::arms_everything() const {
  std::lock_guard lock(mutex_);
  return arms_everything_;
}

Status ProbeSensor::add_flag(pid_t pid, std::uint32_t flag) {
  std::lock_guard lock(mutex_);
  auto pidfd = open_pidfd(pid);
  if (!pidfd)
    return pidfd.error();
  fm_family family = family_map_.find(pidfd->get()).value_or(fm_family{});
  family.flags |= flag;
  return family_map_.set(pidfd->get(), family);
}

void ProbeSensor::forget_ended_held() {
  std::erase_if(held_, [](const auto& entry) { return has_ended(entry.second.pidfd); });
}

std::vector<pid_t> ProbeSensor::armed() const {
  std::lock_guard lock(mutex_);
  std::vector<pid_t> pids;
  for (const auto& [pid, family] : families_)
    pids.push_back(pid);
  return pids;
}

std::size_t ProbeSensor::open_descriptors() const {
  std::size_t open = 0;
  const auto count = [&](const Events& events) {
    for (const auto& of_tier : events)
      open += of_tier.size();
  };
  for (const auto* armed : {&families_, &held_})
    for (const auto& [pid, family] : *armed) {
      count(family.events);
      for (const auto& [worker_pid, worker] : family.workers)
        count(worker.events);
    }
  return open;
}

ArmedCounts ProbeSensor::counts() const {
  std::lock_guard lock(mutex_);
  ArmedCounts counts{families_.size(), 0, open_descriptors(), max_descriptors_};
  for (const auto& [pid, family] : families_) {
    counts.threads += family.threads;
    for (const auto& [worker_pid, worker] : family.workers)
      counts.threads += worker.threads;
    counts.workers += family.workers.size();
  }
  return counts;
}

Status ProbeSensor::arm_everything() {
  std::lock_guard lock(mutex_);
  arms_everything_ = true;
  return open_everywhere(libraries_.all());
}

Status ProbeSensor::open_everywhere(const Files& files) {
  for (Tier tier : tiers)
    if (auto opened = libraries_.open_tier(-1, Inheritance::none, tier, files, everything_);
        !opened)
      return opened;
  return ok();
}

ProbeUsage ProbeSensor::usage_of(const Armed& armed, const fm_account& now) const {
  const fm_account& then = armed.at_start;
  ProbeUsage usage;
  usage.armed_ns = armed.since_ns;
  for (Tier tier : tiers) {
    ProbeUsage::OfTier& used = usage.tiers[index(tier)];
    used.hits = now.hits[index(tier)] - then.hits[index(tier)];
    used.sites = libraries_.sites_in(armed.files, tier);
    for (const OpenProbe& probe : armed.events[index(tier)])
      used.exec_ns = std::max(used.exec_ns, probe.opening_ns());
  }
  usage.forks = now.forks - then.forks;
  usage.execs = now.execs - then.execs;
  // At least those that were armed one by one: which of them have ended is not counted apart.
  const std::int64_t inherited = std::max<std::int64_t>(now.carriers - then.carriers, 0);
  usage.carriers = armed.threads + static_cast<std::uint64_t>(inherited);
  for (const auto& [pid, worker] : armed.workers)
    usage.carriers += worker.threads;
  return usage;
}

Result<ProbesInUse> ProbeSensor::in_use() const {
  std::lock_guard lock(mutex_);
  ProbesInUse all;
  if (families_.empty())
    return all;
  auto totals = programs_.system_totals();
  if (!totals)
    return totals.error();
  all.execs = (*totals)[FM_TOTAL_EXECS];
  for (const auto& [pid, family] : families_) {
    auto now = programs_.account(family.family.account);
    if (!now)
      return now.error();
    all.families[pid] = usage_of(family, *now);
  }
  return all;
}

std::vector<pid_t> ProbeSensor::ended() const {
  std::lock_guard lock(mutex_);
  std::vector<pid_t> ended;
  for (const auto& [pid, family] : families_)
    if (has_ended(family.pidfd))
      ended.push_back(pid);
  return ended;
}

/// The kernel side takes the mark off at an exec that takes the probes off.
std::vector<pid_t> ProbeSensor::execed() const {
  std::lock_guard lock(mutex_);
  std::vector<pid_t> execed;
  for (const auto& [pid, family] : families_)
    if (!family_map_.find(family.pidfd.get()) && !has_ended(family.pidfd))
      execed.push_back(pid);
  return execed;
}

} // namespace forkmon
