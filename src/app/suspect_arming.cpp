// SPDX-License-Identifier: MIT
#include "app/suspect_arming.h"

#include <spdlog/spdlog.h>

#include <set>

namespace forkmon {
namespace {

/// An armed thread costs a file descriptor for each library; later suspects are not armed.
constexpr std::size_t max_armed_families = 256;

} // namespace

std::vector<DisarmEvent> SuspectArming::tick(std::uint64_t now_ns, const Correlator& correlator) {
  auto released = release(now_ns, correlator);
  for (std::uint32_t pid : suspects_.due(now_ns))
    arm(static_cast<pid_t>(pid));
  return released;
}

void SuspectArming::arm(pid_t suspect) {
  Status armed = libraries_.add_of(suspect);
  if (armed && probes_.armed_families() >= max_armed_families)
    armed = Error{"as many families are armed as there may be"};
  if (armed)
    armed = probes_.arm(suspect, Inheritance::until_exec, 0);
  if (!armed)
    spdlog::debug("process {} is not armed: {}", suspect, armed.error().message);
}

/// The perf events of children hang on their parent's, and go with them.
std::vector<DisarmEvent> SuspectArming::release(std::uint64_t now_ns,
                                                const Correlator& correlator) {
  std::vector<DisarmEvent> released;
  auto ended = probes_.ended();
  if (ended.empty())
    return released;
  std::set<std::uint32_t> needed;
  for (const ChildRef& child : correlator.children_older_than(now_ns, 0))
    needed.insert(child.parent_pid);
  for (pid_t pid : ended) {
    if (needed.contains(static_cast<std::uint32_t>(pid)))
      continue;
    probes_.disarm(pid);
    suspects_.forget(static_cast<std::uint32_t>(pid));
    released.push_back({now_ns, static_cast<std::uint32_t>(pid)});
  }
  return released;
}

} // namespace forkmon
