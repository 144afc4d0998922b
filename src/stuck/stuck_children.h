// SPDX-License-Identifier: MIT
/// The stuck-child sensor: tainted children that do not go on, watched through /proc.
///
/// A thread inside futex(2) that waits without a timeout on a private futex can be woken only by a
/// thread of its own address space, or by a signal. Where it is the only thread, nobody is left to
/// do it: that proves a deadlock, and no waiting time proves more. Everything else that stands
/// still is only suspected, with the reason.
///
/// It costs one pread(2) a child and look. The child is neither stopped nor written to.
#pragma once

#include "forkmon/event.h"
#include "process/wait_state.h"
#include "sensors/taints.h"
#include "stuck/ip_sampler.h"
#include "symbols/unwinder.h"
#include "util/fd.h"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

class StuckChildren {
public:
  /// `symbolizer` must outlive this.
  StuckChildren(TaintMap taints, Symbolizer& symbolizer)
      : taints_(taints), symbolizer_(symbolizer) {}

  /// Looks once at each of the children, which are all the living ones that are old enough to be
  /// watched, ordered by key; to be called a few times a second. Returns a StuckEvent for each that
  /// has become stuck and an UnstuckEvent for each that goes on again.
  std::vector<Event> look(std::span<const ChildRef> children, std::uint64_t now_ns);

  /// How many children there was no room to watch at the last look.
  std::size_t unwatched() const { return unwatched_; }

private:
  struct Watched {
    ChildRef child;
    Fd syscall; ///< /proc/PID/syscall: once open it belongs to this process and to no later one
    std::optional<WaitState> state;
    std::uint64_t since_ns = 0; ///< of the first look that saw this state
    std::uint64_t switches = 0; ///< of the context, at that look
    bool reported = false;
    std::optional<IpSampler> sampler; ///< of one that seems to spin
  };
  using Children = std::map<ChildKey, Watched>;

  void forget_others(std::span<const ChildRef> children);
  Watched* watch(const ChildRef& child);
  void look_at(Watched& watched, std::uint64_t now_ns, std::vector<Event>& events);
  void start_over(Watched& watched, const std::optional<WaitState>& state, std::uint64_t now_ns,
                  std::vector<Event>& events);
  std::optional<StuckEvent> judge(Watched& watched, std::uint64_t now_ns);
  std::optional<StuckEvent> judge_futex(const Watched& watched, const FutexWait& wait,
                                        std::uint64_t waited_ns) const;
  StuckEvent event_of(const Watched& watched, StuckReason reason) const;
  void name_lock(const FutexWait& wait, StuckEvent& event) const;
  bool sibling_waits_for_input(const Watched& watched) const;

  TaintMap taints_;
  Symbolizer& symbolizer_;
  Children children_;
  std::size_t unwatched_ = 0;
};

} // namespace forkmon
