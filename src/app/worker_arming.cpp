// SPDX-License-Identifier: MIT
#include "app/worker_arming.h"

#include "correlate/suspects.h"
#include "util/time.h"

#include <spdlog/spdlog.h>

#include <cerrno>

namespace forkmon {
namespace {

/// Children that were forked right before their family was armed are heard of a little later.
constexpr std::uint64_t look_ns = 1'000'000'000;

/// What arming may take of a tick.
constexpr std::uint64_t tick_share_ns = 40'000'000;

} // namespace

void WorkerArming::look_at(pid_t pid, std::uint64_t now_ns) {
  looks_[static_cast<std::uint32_t>(pid)] = {.until_ns = now_ns + look_ns, .done = {}};
}

std::vector<ArmedLateEvent> WorkerArming::tick(std::uint64_t now_ns, const Correlator& correlator) {
  std::vector<ArmedLateEvent> armed;
  const std::uint64_t start_ns = monotonic_now_ns();
  std::set<std::uint32_t> roots;
  for (const auto& [pid, look] : looks_)
    roots.insert(pid);
  for (const auto& relative : correlator.living_of(roots)) {
    Look& look = looks_.at(relative.root);
    const bool is_young = relative.child.key.fork_time_ns + Suspects::grace_ns > now_ns;
    if (is_young || relative.child.unsure || look.done.contains(relative.child.key))
      continue;
    if (monotonic_now_ns() > start_ns + tick_share_ns) {
      look.until_ns = now_ns + look_ns; // the rest at the next ticks
      break;
    }
    look.done.insert(relative.child.key);
    if (auto done = arm(relative))
      armed.push_back(*done);
  }
  std::erase_if(looks_, [&](const auto& entry) { return entry.second.until_ns < now_ns; });
  return armed;
}

std::optional<ArmedLateEvent> WorkerArming::arm(const Correlator::Relative& relative) {
  const auto worker = static_cast<pid_t>(relative.child.key.pid);
  auto pidfd = taints_.find(relative.child.key);
  if (!pidfd)
    return std::nullopt; // it has ended, or called exec
  const std::uint64_t looked_ns = monotonic_now_ns();
  auto armed = probes_.arm_worker(static_cast<pid_t>(relative.root), worker, std::move(*pidfd));
  if (!armed) {
    note_failure(worker, armed.error());
    return std::nullopt;
  }
  if (!*armed)
    return std::nullopt;
  const std::uint64_t armed_ns = monotonic_now_ns();
  armed_++;
  discovery_.note_armed(worker, looked_ns);
  return ArmedLateEvent{armed_ns, relative.child.key};
}

void WorkerArming::note_failure(pid_t worker, const Error& error) {
  if (error.code == ESRCH)
    return;
  not_armed_[error.code == EMFILE ? "limit" : "error"]++;
  spdlog::debug("process {} is not armed: {}", worker, error.message);
}

} // namespace forkmon
