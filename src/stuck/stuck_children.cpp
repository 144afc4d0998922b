// SPDX-License-Identifier: MIT
#include "stuck/stuck_children.h"

#include "process/proc.h"
#include "stuck/lock_inspector.h"
#include "stuck/own_pipe.h"
#include "stuck/wait_stacks.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace forkmon {
namespace {

/// A wait is reported when it has lasted this long.
constexpr std::uint64_t threshold_ns = 500'000'000;
/// Where somebody else could end it, or where it could be honest work, more patience is due.
constexpr std::uint64_t patience_ns = 3'000'000'000;
/// A descriptor each.
constexpr std::size_t max_watched = 4096;

/// A loop that waits for another thread is a handful of instructions; work is not.
constexpr std::size_t enough_samples = 50;
constexpr std::size_t max_loop_ips = 24;

std::optional<WaitState> read_state(const Fd& file) {
  std::array<char, 256> text{};
  ssize_t length = pread(file.get(), text.data(), text.size(), 0);
  if (length <= 0)
    return std::nullopt;
  return parse_wait_state({text.data(), static_cast<std::size_t>(length)});
}

/// Does every thread of the process wait for a futex without end?
bool all_threads_wait(pid_t pid, const std::vector<pid_t>& tids) {
  return std::ranges::all_of(tids, [pid](pid_t tid) {
    auto text = read_file(fmt::format("/proc/{}/task/{}/syscall", pid, tid), 256);
    auto state = text ? parse_wait_state(*text) : std::nullopt;
    return state && endless_futex_wait(*state);
  });
}

bool is_worth_watching(const WaitState& state) {
  return state.running || endless_futex_wait(state) || read_descriptor(state);
}

bool is_loop(const std::vector<std::uint64_t>& ips) {
  std::set<std::uint64_t> distinct(ips.begin(), ips.end());
  return ips.size() >= enough_samples && distinct.size() <= max_loop_ips;
}

} // namespace

std::vector<Event> StuckChildren::look(std::span<const ChildRef> children, std::uint64_t now_ns) {
  std::vector<Event> events;
  forget_others(children);
  unwatched_ = 0;
  for (const ChildRef& child : children) {
    if (Watched* watched = watch(child))
      look_at(*watched, now_ns, events);
  }
  return events;
}

void StuckChildren::forget_others(std::span<const ChildRef> children) {
  std::erase_if(children_, [&](const auto& entry) {
    return !std::ranges::binary_search(children, entry.first, {}, &ChildRef::key);
  });
}

StuckChildren::Watched* StuckChildren::watch(const ChildRef& child) {
  if (auto known = children_.find(child.key); known != children_.end())
    return &known->second;
  if (children_.size() >= max_watched) {
    unwatched_++;
    return nullptr;
  }
  Fd file(open(fmt::format("/proc/{}/syscall", child.key.pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || !taints_.find(child.key)) // asked second: so the file is surely this child's
    return nullptr;
  Watched watched;
  watched.child = child;
  watched.syscall = std::move(file);
  return &children_.emplace(child.key, std::move(watched)).first->second;
}

void StuckChildren::look_at(Watched& watched, std::uint64_t now_ns, std::vector<Event>& events) {
  auto state = read_state(watched.syscall);
  if (!state || state != watched.state || !is_worth_watching(*state)) {
    start_over(watched, state, now_ns, events);
    return;
  }
  if (watched.reported || now_ns - watched.since_ns < threshold_ns)
    return;
  auto stuck = judge(watched, now_ns);
  // One that was adopted may never have been in danger: only a proof holds all the same.
  if (!stuck || (watched.child.adopted && !stuck->proof))
    return;
  watched.reported = true;
  stuck->time_ns = now_ns;
  stuck->waited_ms = (now_ns - watched.since_ns) / 1'000'000;
  events.emplace_back(std::move(*stuck));
}

void StuckChildren::start_over(Watched& watched, const std::optional<WaitState>& state,
                               std::uint64_t now_ns, std::vector<Event>& events) {
  if (watched.reported)
    events.emplace_back(UnstuckEvent{now_ns, watched.child});
  watched.reported = false;
  watched.sampler.reset();
  watched.state = state;
  watched.since_ns = now_ns;
  if (!state || !is_worth_watching(*state))
    return;
  watched.switches = context_switches(static_cast<pid_t>(watched.child.key.pid)).value_or(0);
}

std::optional<StuckEvent> StuckChildren::judge(Watched& watched, std::uint64_t now_ns) {
  auto pid = static_cast<pid_t>(watched.child.key.pid);
  std::uint64_t waited_ns = now_ns - watched.since_ns;
  if (!watched.state->running && context_switches(pid) != watched.switches) {
    watched.state.reset(); // it went on in between, and stopped at the same place
    return std::nullopt;
  }
  if (auto wait = endless_futex_wait(*watched.state))
    return judge_futex(watched, *wait, waited_ns);
  if (waited_ns < patience_ns)
    return std::nullopt;
  if (auto fd = read_descriptor(*watched.state)) {
    if (is_pipe_without_other_writer(pid, *fd))
      return event_of(watched, StuckReason::own_pipe);
    return std::nullopt;
  }
  if (!watched.sampler) {
    auto sampler = IpSampler::start(pid);
    if (sampler)
      watched.sampler.emplace(std::move(*sampler));
    return std::nullopt;
  }
  if (is_loop(watched.sampler->samples()))
    return event_of(watched, StuckReason::spins);
  return std::nullopt;
}

std::optional<StuckEvent> StuckChildren::judge_futex(const Watched& watched, const FutexWait& wait,
                                                     std::uint64_t waited_ns) const {
  auto pid = static_cast<pid_t>(watched.child.key.pid);
  auto reason = StuckReason::none;
  auto tids = threads_of(pid);
  if (tids.size() != 1) {
    if (!all_threads_wait(pid, tids))
      return std::nullopt;
    reason = StuckReason::all_threads_wait;
  } else if (!wait.is_private) {
    if (waited_ns < patience_ns || sibling_waits_for_input(watched))
      return std::nullopt;
    reason = StuckReason::shared_futex;
  } else if (shares_memory(pid)) {
    reason = StuckReason::memory_shared;
  }
  StuckEvent event = event_of(watched, reason);
  event.threads = static_cast<std::uint32_t>(tids.size());
  name_lock(wait, event);
  return event;
}

/// Without the lock.
StuckEvent StuckChildren::event_of(const Watched& watched, StuckReason reason) const {
  auto pid = static_cast<pid_t>(watched.child.key.pid);
  WaitStacks stacks = stacks_of(symbolizer_, pid, pid);
  StuckEvent event;
  event.child = watched.child;
  event.tid = watched.child.key.pid;
  event.reason = reason;
  event.proof = reason == StuckReason::none;
  event.stack = std::move(stacks.native);
  event.python = std::move(stacks.python);
  return event;
}

void StuckChildren::name_lock(const FutexWait& wait, StuckEvent& event) const {
  auto pid = static_cast<pid_t>(event.child.key.pid);
  auto space = AddressSpace::of(pid);
  if (!space)
    return;
  LockWaiter waiter{pid, static_cast<pid_t>(event.tid), wait, false, event.stack, event.python};
  ParentAtFork parent{static_cast<pid_t>(event.child.parent_pid), event.child.parent_start_ticks,
                      event.child.key.fork_time_ns};
  event.lock = inspect_lock(waiter, parent, *space, symbolizer_.modules()).lock;
  if (event.lock.owner && event.lock.owner->alive)
    event.owner_stack =
        symbolizer_.unwind_live(parent.pid, static_cast<pid_t>(event.lock.owner->tid)).frames;
}

/// An idle pool: one worker holds the shared lock of the queue and reads, the others wait for it.
bool StuckChildren::sibling_waits_for_input(const Watched& watched) const {
  return std::ranges::any_of(children_, [&](const auto& entry) {
    const Watched& other = entry.second;
    return other.child.parent_pid == watched.child.parent_pid && other.state &&
           waits_for_input(*other.state);
  });
}

} // namespace forkmon
