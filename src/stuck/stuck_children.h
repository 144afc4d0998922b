// SPDX-License-Identifier: MIT
/// The stuck-child sensor: tainted children that do not go on, watched through /proc.
///
/// A look costs one pread(2) and one fstatat(2) a child, and three system calls for each further
/// thread. What a look finds unchanged is read in full (WaitReader) and judged (judge.h): once for
/// each wait, and then ever more seldom. The child is neither stopped nor written to.
#pragma once

#include "forkmon/event.h"
#include "sensors/taints.h"
#include "stuck/own_pipe.h"
#include "stuck/spin_windows.h"
#include "stuck/wait_reader.h"
#include "stuck/watched_child.h"
#include "symbols/unwinder.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

class StuckChildren {
public:
  /// Who uses the memory of these processes (sensors/memory_users.h).
  using MemoryUsers = std::function<std::map<pid_t, MemoryUse>(std::span<const pid_t>)>;

  /// The thread that forked a child; 0 where it is not known.
  using ForkerOf = std::function<std::uint32_t(const ChildKey&)>;

  /// `symbolizer` must outlive this.
  StuckChildren(TaintMap taints, Symbolizer& symbolizer, MemoryUsers memory_users,
                ForkerOf forker_of)
      : taints_(taints), symbolizer_(symbolizer), memory_users_(std::move(memory_users)),
        forker_of_(std::move(forker_of)), reader_(symbolizer), spins_(symbolizer) {}

  /// Looks once at each of the children, which are all the living ones that are old enough to be
  /// watched, ordered by key; to be called a few times a second. Returns a StuckEvent for each that
  /// has become stuck or is now proven to be, and an UnstuckEvent for each that goes on again.
  std::vector<Event> look(std::span<const ChildRef> children, std::uint64_t now_ns);

  /// How many children there was no room to watch at the last look.
  std::size_t unwatched() const { return unwatched_; }

  const SpinWindows& spins() const { return spins_; }

private:
  /// A thread whose wait is to be judged, and what was read of it.
  struct Candidate {
    WatchedChild* child = nullptr;
    pid_t tid = 0;
    WaitEvidence evidence{};
  };

  void forget_others(std::span<const ChildRef> children);
  WatchedChild* watch(const ChildRef& child);

  void observe(WatchedChild& child);
  void observe_all_threads(WatchedChild& child);
  void forget_threads(WatchedChild& child, std::span<const pid_t> tids);
  void observe_thread(WatchedChild& child, pid_t tid, const std::optional<WaitState>& state);
  void start_over(WatchedChild& child, pid_t tid, ThreadWait& wait,
                  const std::optional<WaitState>& state);
  void observe_loop(WatchedChild& child, const WaitState& state);
  void find_due(WatchedChild& child, pid_t tid, ThreadWait& wait);

  void judge_waits();
  bool read_candidate(Candidate& candidate);
  void conclude(Candidate& candidate, MemoryUse memory);
  std::optional<PipeReader> pipe_reader(WatchedChild& child);
  void judge_pipes();
  void judge_loop(WatchedChild& child);
  void observe_naps(WatchedChild& child, const WaitState& state);
  void look_at_naps(WatchedChild& child);
  bool may_spin_in_naps(WatchedChild& child);
  void judge_spin(WatchedChild& child, ThreadWait& wait);

  void report(WatchedChild& child, Report::Source source, StuckEvent event);
  void withdraw(WatchedChild& child);
  StuckEvent event_of(const WatchedChild& child, pid_t tid, const Verdict& verdict,
                      std::uint64_t since_ns) const;
  StuckEvent with_stacks(StuckEvent event) const;

  TaintMap taints_;
  Symbolizer& symbolizer_;
  MemoryUsers memory_users_;
  ForkerOf forker_of_;
  WaitReader reader_;
  SpinWindows spins_;
  std::map<ChildKey, WatchedChild> children_;
  std::size_t unwatched_ = 0;
  std::size_t looks_ = 0;
  std::size_t threads_ = 0;      ///< of children that have several, at this look
  std::size_t last_threads_ = 0; ///< at the one before

  // Of the look that goes on.
  std::uint64_t now_ns_ = 0;
  std::vector<Event> events_;
  std::vector<Candidate> candidates_;
  std::vector<WatchedChild*> pipe_readers_;
  std::size_t open_windows_ = 0;
  std::set<std::uint32_t> parents_of_input_; ///< of children that wait for input
};

} // namespace forkmon
