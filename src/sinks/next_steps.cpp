// SPDX-License-Identifier: MIT
#include "sinks/next_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace forkmon {
namespace {

constexpr std::size_t shown_pids = 8;

struct Step {
  Remedy remedy;
  std::string_view text;
};

constexpr std::array steps{
    Step{Remedy::restart_parent,
         "Next: restart {parents}. Killing the stuck children ({children}) is not enough."},
    Step{Remedy::kill_child, "Next: kill {children}. Nothing else ends the wait."},
    Step{Remedy::release_lock,
         "Next: find who holds the shared lock that blocks {children}. Its release ends the "
         "wait."},
    Step{Remedy::look_first, "Next: look at {children}, which may be stuck, or idle on purpose."},
};

/// "29310, 29311 and 3 more", each once.
std::string list_of(std::vector<std::uint32_t> pids) {
  std::ranges::sort(pids);
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  const std::size_t shown = std::min(pids.size(), shown_pids);
  std::string text;
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(pids[i]);
  return pids.size() > shown ? fmt::format("{} and {} more", text, pids.size() - shown) : text;
}

std::string step_for(const Step& step, std::span<const StuckChild> stuck) {
  std::vector<std::uint32_t> children, parents;
  for (const StuckChild& child : stuck) {
    if (child.remedy != step.remedy)
      continue;
    children.push_back(child.pid);
    parents.push_back(child.parent_pid);
  }
  if (children.empty())
    return {};
  return fmt::format(fmt::runtime(step.text), fmt::arg("children", list_of(children)),
                     fmt::arg("parents", list_of(parents))) +
         "\n";
}

} // namespace

std::string next_steps(std::span<const StuckChild> stuck) {
  std::string text;
  for (const Step& step : steps)
    text += step_for(step, stuck);
  return text;
}

} // namespace forkmon
