// SPDX-License-Identifier: MIT
/// From events to findings. Pure: time comes from the events; no clock, file or log.
#pragma once

#include "catalogue/function_table.h"
#include "correlate/disarm_log.h"
#include "correlate/late_probes.h"
#include "correlate/tracked_child.h"
#include "forkmon/event.h"
#include "forkmon/finding.h"

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace forkmon {

/// Events may come out of order, twice or not at all: each (child, function) still has exactly one
/// UnsafeCallFinding, and each child at most one ChildFinding. Bounded: what comes after the end of
/// a child is known as late only while it is among the last few hundred that ended.
class Correlator {
public:
  /// `functions` must outlive the correlator, and may grow. Past `max_children` living ones, a
  /// child's events still yield findings, but nothing is remembered from one to the next.
  explicit Correlator(const FunctionTable& functions, std::size_t max_children = 65536)
      : functions_(functions), max_children_(max_children) {}

  std::vector<Finding> on(const Event& event);

  /// The session ends: concludes on the children that are still alive. Starts anew afterwards.
  std::vector<Finding> finish(std::uint64_t now_ns);

  /// The child is gone, but its end record was lost: concludes on it, never as exact. `outcome`:
  /// exec, or exit where it is not known how it ended. Nothing for a child that is not alive here.
  std::vector<Finding> gone(const ChildKey& key, std::uint64_t now_ns,
                            Outcome outcome = Outcome::exit);

  std::size_t live_children() const { return children_.size(); }
  bool is_living(const ChildKey& key) const { return children_.contains(key); }

  /// How many children there was no room for.
  std::uint64_t untracked() const { return untracked_; }

  /// Living children whose fork is at least `age_ns` ago, by pid.
  std::vector<ChildRef> children_older_than(std::uint64_t now_ns, std::uint64_t age_ns) const;
  /// Those that come after `key`, by pid, `max` at most.
  std::vector<ChildRef> living_after(const ChildKey& key, std::size_t max) const;

  /// Living children that descend from one of the processes through tainted forks, the oldest
  /// first, and from which one.
  struct Relative {
    std::uint32_t root = 0;
    ChildRef child;
  };
  std::vector<Relative> living_of(const std::set<std::uint32_t>& roots) const;
  /// The living children, and those that they descend from through tainted forks.
  std::set<std::uint32_t> needed() const;

  /// The thread that forked a living child; 0 where it is not known for sure.
  std::uint32_t forker_of(const ChildKey& child) const;

private:
  /// How a child ended. `calls` is what its counts must add up to, where the kernel said so.
  struct Ending {
    std::uint64_t time_ns = 0;
    Outcome outcome = Outcome::alive;
    int status = 0;
    std::optional<std::uint64_t> calls;
  };
  using Children = std::map<ChildKey, TrackedChild>;
  using Findings = std::vector<Finding>;

  void take(const ForkEvent& event, Findings& findings);
  void take(const CallEvent& event, Findings& findings);
  void take(const CallsEvent& event, Findings& findings);
  void take(const EndEvent& event, Findings& findings);
  void take(const StuckEvent& event, Findings& findings);
  void take(const UnstuckEvent& event, Findings& findings);
  void take(const ExeEvent&, Findings&) {} // concerns names only
  void take(const DisarmEvent& event, Findings& findings);
  void take(const ArmedLateEvent& event, Findings& findings);
  void take(const LateProbesEvent& event, Findings& findings);
  void take(const LossEvent& event, Findings& findings);

  TrackedChild& obtain(const ChildRef& ref, TrackedChild& stranger, Findings& findings);
  TrackedChild first_seen(const ChildRef& ref) const;
  const TrackedChild* parent_of(const ChildRef& ref) const;
  void end_former_owners(const ChildKey& key, Findings& findings);
  static void end_deadlock(TrackedChild& child, std::uint64_t time_ns, bool child_lives,
                           Findings& findings);
  void conclude(TrackedChild& child, const Ending& ending, Findings& findings) const;
  void retire(const ChildKey& key);
  static Ending ending_of(const EndEvent& event);

  const FunctionTable& functions_;
  std::size_t max_children_;
  Children children_; ///< alive
  Children ended_;    ///< the last few that ended, for events that come late
  std::deque<ChildKey> ended_order_;
  DisarmLog disarms_;
  LateProbes late_probes_;
  std::uint64_t untracked_ = 0;
};

} // namespace forkmon
