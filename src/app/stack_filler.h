// SPDX-License-Identifier: MIT
/// Adds call stacks to events, while the processes are there.
#pragma once

#include "forkmon/event.h"
#include "symbols/unwinder.h"

#include <map>

namespace forkmon {

class StackFiller {
public:
  StackFiller() : symbolizer_(Symbolizer::Options{}) {}

  /// A process that forks: its memory map, so that a child that is gone too soon can be resolved.
  void remember(const ForkEvent& fork);
  /// The stack of an unsafe call, from the copy that came with it.
  void fill(CallEvent& call);
  /// The stuck child's stack and Python traceback, and its lock's owner's stack.
  void fill(StuckEvent& stuck);

private:
  const AddressSpace* space_of(const ChildRef& child);
  const AddressSpace* read_space(std::uint32_t pid);

  static constexpr std::size_t max_spaces = 32;
  Symbolizer symbolizer_;
  std::map<std::uint32_t, AddressSpace> spaces_; ///< of parents, by pid
};

} // namespace forkmon
