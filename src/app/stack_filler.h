// SPDX-License-Identifier: MIT
/// Adds call stacks to events, while the processes are there.
#pragma once

#include "forkmon/event.h"
#include "symbols/unwinder.h"

#include <map>
#include <optional>
#include <string>

namespace forkmon {

class StackFiller {
public:
  /// `symbolizer` must outlive this.
  explicit StackFiller(Symbolizer& symbolizer) : symbolizer_(symbolizer) {}

  /// By what call the child was made. Keeps the parent's memory map as well, so that a child that
  /// is gone too soon can be resolved.
  void fill(ForkEvent& fork);
  /// A process that may fork has mapped something: keeps its memory map, and opens the files in it,
  /// as it may have ended when its forks and its children's calls are looked at. `execs`: its
  /// task->self_exec_id.
  void learn(pid_t pid, std::uint32_t execs);
  /// The stack of an unsafe call, from the copy that came with it.
  void fill(CallEvent& call);

private:
  /// Of one process between two execs.
  struct Space {
    std::uint64_t start_ticks = 0;
    std::uint32_t execs = 0;
    AddressSpace space;
    /// Of code addresses that forks were made from: they are the same at nearly each fork.
    std::map<std::uint64_t, std::string> functions{};
  };
  const AddressSpace* space_of(const ChildRef& child);
  Space* keep(std::uint32_t pid, Space space);
  Space* parent_space(const ForkEvent& fork);
  const AddressSpace* remembered_space(const ChildRef& child) const;
  const std::string& function_at(std::uint64_t address, Space& space);

  static constexpr std::size_t max_spaces = 32;
  static constexpr std::size_t max_functions = 1024; ///< of a space
  Symbolizer& symbolizer_;
  std::map<std::uint32_t, Space> spaces_; ///< of parents, by pid
  std::optional<AddressSpace> last_read_; ///< what space_of() returned, if it is none of these
};

} // namespace forkmon
