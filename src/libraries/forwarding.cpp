// SPDX-License-Identifier: MIT
#include "libraries/forwarding.h"

#include "elf/site_planner.h"

#include <algorithm>

namespace forkmon {
namespace {

/// What only hands on is short.
constexpr std::uint64_t max_forwarder_bytes = 4096;

bool may_forward(std::string_view function) {
  return std::ranges::find(forwards(), function, &Forward::from) != forwards().end();
}

} // namespace

std::set<std::uint64_t> Forwarding::targets_of(const FunctionSymbol& symbol) {
  if (symbol.size == 0 || symbol.size > max_forwarder_bytes)
    return {};
  auto bytes = file_.read(symbol.file_offset, symbol.size);
  if (!bytes)
    return {};
  if (!slots_)
    slots_ = read_linkage_slots(file_);
  std::set<std::uint64_t> targets;
  for (std::uint64_t target : direct_call_targets(*bytes, symbol.vaddr)) {
    auto callee = code_.find(stub_target(file_, *slots_, symbol, target));
    targets.insert(callee == code_.end() ? target : callee->second.vaddr);
  }
  return targets;
}

bool Forwarding::hands_on(const ProviderMatch& match, std::string_view function,
                          const FunctionSymbol& symbol) {
  if (match.provider->functions.data() == libc_catalogue().data() || !may_forward(function))
    return false;
  const std::set<std::uint64_t> targets = targets_of(symbol);
  return std::ranges::any_of(forwards(), [&](const Forward& forward) {
    if (forward.from != function)
      return false;
    auto to = code_.find(std::string(match.prefix).append(forward.to));
    return to != code_.end() && to->second.vaddr != symbol.vaddr &&
           targets.contains(to->second.vaddr);
  });
}

} // namespace forkmon
