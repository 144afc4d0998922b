// SPDX-License-Identifier: MIT
/// The probe sensor: uprobes on catalogue functions, felt only by processes that are armed.
///
/// A process is armed by perf events of its own threads, which threads and children inherit inside
/// copy_process, so that no first call is missed. Strangers keep an unmodified libc.
#pragma once

#include "forkmon/probe_usage.h"
#include "sensors/bpf_programs.h"
#include "sensors/families.h"
#include "sensors/library_probes.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace forkmon {

/// May be used from several threads.
class ProbeSensor {
public:
  /// Also lets this process open as many files as it ever may (RLIMIT_NOFILE): each armed thread
  /// takes a descriptor for each library and tier.
  static Result<std::unique_ptr<ProbeSensor>> create(BpfPrograms& programs, Tiers tiers);

  /// Defines the library's probes. Nobody feels them yet. For one thread only.
  Status add(const LibrarySites& library);

  /// Arms a process: all its threads, and all that come of it; also the rest of one of which only
  /// some threads are armed. Error EMFILE: that would take more descriptors than there may be, or
  /// more families are armed than there are accounts.
  /// `mapped`: the files that it has mapped; of libraries that are not among them it gets no probes
  /// until cover(). Error EEXIST: a former process of that pid was armed, and is not yet disarmed.
  Status arm(pid_t pid, Inheritance inheritance, std::uint32_t family_flags,
             std::span<const FileId> mapped);
  /// Arms a thread of a process, until it execs, and all that comes of it; then other threads of
  /// the process, if they are given too, up to a number, and then all of them. The kernel looks
  /// through all armed threads whenever some process maps a library, so the fewer they are the
  /// better for everybody. Needs can_keep_contexts_apart(). Errors as for arm().
  Status arm_thread(pid_t pid, pid_t tid, std::span<const FileId> mapped);
  /// The account of a process's armed family, which names it; 0 where it is of none.
  std::uint32_t account_of(pid_t pid) const;
  /// The first process of the armed family that a child belongs to; nothing for that process
  /// itself, and for one of no such family.
  std::optional<pid_t> first_of_family(pid_t child) const;
  /// A process of a family has these files mapped: gives the whole family the probes of those that
  /// it lacks. Nothing where nothing was lacking, or the family is armed no more; else who has got
  /// some.
  Result<std::optional<std::vector<pid_t>>> cover(std::uint32_t account,
                                                  std::span<const FileId> mapped);
  /// Where can_keep_contexts_apart() says no, and a process that inherited its probes has started a
  /// thread: gives it probes of its own, which stay when threads end (see tell_of_first_thread in
  /// bpf/lifecycle.bpf.c), until it ends itself.
  Status hold(pid_t pid);
  /// Takes a tier of probes off an armed process and all of its family. What they fork from then on
  /// does not count as armed. Returns when that was: what was forked later does not count, and
  /// until then no call was missed.
  Result<std::uint64_t> drop(pid_t pid, Tier tier);
  /// Puts a tier back, for the process and what it forks from then on; for its living children see
  /// arm_worker().
  Status restore(pid_t pid, Tier tier);
  /// Takes the probes off a process and all of its family. Returns when, as drop() does.
  std::uint64_t disarm(pid_t pid);
  /// Puts the probes of an armed process on a living child of its family as well, which was forked
  /// without them, or lacks what was put back since. What the child forks from then on carries
  /// all that the family does. Returns whether the child has got the probes of all tiers; false
  /// also where it carried all that there is. `pidfd`: of the child. Errors as for arm(); EMFILE
  /// also where many children of the family are armed already.
  Result<bool> arm_worker(pid_t pid, pid_t worker, Fd pidfd);
  /// The process has mapped a library that cannot be probed: until it calls exec, neither what it
  /// forks nor what its children fork counts as armed.
  Status mark_unread(pid_t pid);
  /// Where everything is armed: from here on the kernel side tells what the process maps, and what
  /// its children do, until they call exec.
  Status mark_watched(pid_t pid);
  bool arms_everything() const;
  /// Unregisters the probes that nobody carries any more. May take a tenth of a second.
  void release_unused();
  /// Arms every process of the system.
  Status arm_everything();

  /// First processes of the armed families.
  std::vector<pid_t> armed() const;
  Result<ProbesInUse> in_use() const;
  /// Armed processes that have ended. Their living children carry probes until disarm().
  std::vector<pid_t> ended() const;
  /// Armed processes that have called exec, which took their probes off.
  std::vector<pid_t> execed() const;
  /// Lets go of held processes that have ended, and of workers that have ended or called exec.
  void release_held();
  ArmedCounts counts() const;

private:
  using Events = std::array<std::vector<OpenProbe>, probe_tiers>;
  struct Worker {
    Fd pidfd;
    Events events{};
    std::size_t threads = 0;
  };
  struct Armed {
    Fd pidfd;
    Inheritance inheritance = Inheritance::none;
    fm_family family{};
    fm_account at_start{}; ///< of its account, which others have used before
    std::uint64_t since_ns = 0;
    std::size_t threads = 0;
    Files files; ///< that it carries probes of
    Events events{};
    std::array<bool, probe_tiers> dropped{};
    std::uint64_t since = 0;         ///< marks of earlier armings stand for no probes
    std::map<pid_t, Worker> workers; ///< that were armed while they lived

    bool by_thread() const { return (family.flags & FM_FAMILY_BY_THREAD) != 0; }
    /// Tiers that are not dropped.
    std::vector<Tier> carried() const;
    /// Does the mark stand for probes of this family?
    bool owns(const fm_family& mark) const;
  };
  ProbeSensor(BpfPrograms& programs, LibraryProbes libraries, std::size_t max_descriptors);
  Status open_everywhere(const Files& files);
  Result<Armed> prepare(pid_t pid, std::size_t threads, Inheritance inheritance,
                        std::uint32_t flags, Files files);
  Status join(pid_t pid, Armed armed);
  Status widen(pid_t pid, Armed& armed);
  Status add_thread(pid_t pid, pid_t tid, Armed& armed);
  Status mark_thread(pid_t pid, pid_t tid, Armed& armed) const;
  Status mark_threads(pid_t pid, Armed& armed) const;
  Status tell_carried(const Armed& armed);
  void tell_nobody(const Armed& armed);
  Status open_on_thread(pid_t tid, Inheritance inheritance, Tier tier, const Files& files,
                        std::vector<OpenProbe>& opened);
  Status open_on_threads(pid_t pid, bool all, Tier tier, const Files& files, Armed& armed);
  Status open_on_worker(pid_t pid, Armed& armed, Worker& worker);
  Status open_on_family(const Files& files, Armed& armed, std::set<pid_t>& done);
  Status check_room(pid_t pid, std::size_t threads, std::size_t tiers, const Files& files) const;
  Status add_flag(pid_t pid, std::uint32_t flag);
  std::optional<fm_family> family_of(pid_t pid) const;
  bool is_marked(pid_t tid, const Armed& armed) const;
  std::vector<pid_t> marked_threads_of(pid_t pid, const Armed& armed) const;
  ProbeUsage usage_of(const Armed& armed, const fm_account& now) const;
  Armed* armed_of(std::uint32_t account);
  const Armed* armed_of(const fm_family& mark) const;
  void clear_events(Armed& armed, Tier tier);
  Result<std::uint32_t> free_account();
  std::size_t open_descriptors() const;
  void forget_ended_held();
  void forget_ended_workers();

  mutable std::mutex mutex_; ///< guards what follows; taken by the public functions

  BpfPrograms& programs_;
  FamilyMap family_map_;
  LibraryProbes libraries_; ///< gone after the perf events, which are declared below
  std::size_t max_descriptors_;
  std::uint32_t last_account_ = 0;
  std::uint64_t last_arming_ = 0; ///< numbers are never used twice
  bool arms_everything_ = false;
  std::vector<OpenProbe> everything_;
  std::map<pid_t, Armed> families_;
  std::map<pid_t, Armed> held_;
};

} // namespace forkmon
