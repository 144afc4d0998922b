// SPDX-License-Identifier: MIT
/// What the stuck-child sensor remembers of a child from one look to the next.
#pragma once

#include "forkmon/event.h"
#include "stuck/judge.h"
#include "stuck/loop_watch.h"
#include "stuck/nap_loop.h"
#include "stuck/proc_dir.h"
#include "stuck/spin_windows.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

namespace forkmon {

/// When to judge, again and again, something that does not change.
struct Schedule {
  static constexpr std::uint64_t longest_ns = 64'000'000'000;

  void start(std::uint64_t due, std::uint64_t first_step_ns) {
    due_ns = due;
    step_ns = first_step_ns;
  }
  bool is_due(std::uint64_t now_ns) const { return now_ns >= due_ns; }
  /// Each time, twice as long goes by.
  void back_off(std::uint64_t now_ns) {
    due_ns = now_ns + step_ns;
    step_ns = std::min(2 * step_ns, longest_ns);
  }

  std::uint64_t due_ns = 0;
  std::uint64_t step_ns = 0;
};

/// A thread, in a state that it has not left since it was first seen in it.
struct ThreadWait {
  std::optional<WaitState> state;
  std::uint64_t since_ns = 0;     ///< of the first look that saw this state
  std::uint64_t unchanged_ns = 0; ///< since when `switches` are the same
  std::uint64_t switches = 0;     ///< of the context
  bool interrupted = false;       ///< it was seen stopped, frozen or held up in the kernel
  Schedule schedule;
};

/// What was said of a child, and not taken back yet.
struct Report {
  enum class Source { wait, pipe, loop, spin, naps };
  Source source = Source::wait;
  pid_t tid = 0;
  bool proof = false;
};

struct WatchedChild {
  WatchedChild(const ChildRef& ref, ProcDir files) : child(ref), proc(std::move(files)) {}

  pid_t pid() const { return static_cast<pid_t>(child.key.pid); }

  ChildRef child;
  ProcDir proc;
  std::optional<Abi> abi; ///< once it was asked for
  std::map<pid_t, ThreadWait> waits;
  bool all_seen = true; ///< false where it has more threads than are watched
  LoopWatch loop;
  Schedule loop_schedule;
  NapWatch naps;
  Schedule nap_schedule;
  std::optional<NapWindow> nap_window; ///< that is open
  std::optional<SpinWindow> spin;      ///< that is open
  std::optional<Report> report;
};

} // namespace forkmon
