// SPDX-License-Identifier: MIT
#include "app/stack_filler.h"

#include "correlate/fork_call.h"
#include "process/proc.h"
#include "process/process_id.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>

namespace forkmon {
namespace {

void log_note(const char* what, pid_t pid, const std::string& note) {
  if (!note.empty())
    spdlog::debug("{} of process {}: {}", what, pid, note);
}

/// Nothing for a process that is gone, or a zombie.
std::optional<AddressSpace> read_space(const ProcessId& process) {
  auto space = AddressSpace::of(process.pid);
  if (!space || space->mappings().empty() || !is_still(process))
    return std::nullopt;
  return std::move(*space);
}

/// Nothing, too, for a child that has called exec.
std::optional<AddressSpace> read_forked_space(const ChildRef& child) {
  auto space = read_space(process_of(child));
  auto stat = read_stat(static_cast<pid_t>(child.key.pid));
  if (!stat || !stat->forked_no_exec)
    return std::nullopt;
  return space;
}

bool runs_at(std::uint64_t address, const AddressSpace& space) {
  const Mapping* mapping = space.find(address);
  return mapping != nullptr && mapping->executable;
}

auto place_of(const Mapping& mapping) {
  return std::tuple(mapping.start, mapping.end, mapping.dev, mapping.inode);
}

/// Do both map the same pieces of the same files as code, at the same places?
bool has_same_code(const AddressSpace& left, const AddressSpace& right) {
  const auto next_code = [](auto at, const AddressSpace& space) {
    return std::find_if(at, space.mappings().end(), std::mem_fn(&Mapping::executable));
  };
  auto of_left = next_code(left.mappings().begin(), left);
  auto of_right = next_code(right.mappings().begin(), right);
  while (of_left != left.mappings().end() && of_right != right.mappings().end()) {
    if (place_of(*of_left) != place_of(*of_right))
      return false;
    of_left = next_code(std::next(of_left), left);
    of_right = next_code(std::next(of_right), right);
  }
  return of_left == left.mappings().end() && of_right == right.mappings().end();
}

/// The copy starts at or a little below the stack pointer.
StackSnapshot snapshot_of(const StackCopy& copy) {
  StackSnapshot snapshot;
  for (const auto& [number, value] : copy.registers)
    snapshot.registers.set(number, value);
  auto sp = snapshot.registers.sp().value_or(0);
  if (sp >= copy.start && sp - copy.start < copy.bytes.size())
    snapshot.stack.assign(copy.bytes.begin() + static_cast<std::ptrdiff_t>(sp - copy.start),
                          copy.bytes.end());
  return snapshot;
}

} // namespace

void StackFiller::fill(ForkEvent& fork) {
  Space* parent = parent_space(fork);
  if (parent == nullptr || fork.fork_ip == 0)
    return;
  std::vector<std::string> functions{function_at(fork.fork_ip, *parent)};
  for (std::uint64_t word : fork.fork_stack) {
    if (runs_at(word, parent->space))
      functions.push_back(function_at(word, *parent));
  }
  fork.call = fork_call_of(functions);
}

void StackFiller::learn(pid_t pid, std::uint32_t execs) {
  const auto stat = read_stat(pid);
  auto space = stat ? read_space({pid, stat->start_time}) : std::nullopt;
  if (!space)
    return;
  note_files(*space);
  symbolizer_.preload(*space);
  keep(static_cast<std::uint32_t>(pid), {stat->start_time, execs, std::move(*space)});
}

StackFiller::Space* StackFiller::keep(std::uint32_t pid, Space space) {
  if (spaces_.size() >= max_spaces)
    spaces_.clear();
  return &spaces_.insert_or_assign(pid, std::move(space)).first->second;
}

const std::string& StackFiller::function_at(std::uint64_t address, Space& space) {
  auto known = space.functions.find(address);
  if (known != space.functions.end())
    return known->second;
  if (space.functions.size() >= max_functions)
    space.functions.clear();
  std::string function = symbolizer_.symbolize(address, space.space).function;
  return space.functions.emplace(address, std::move(function)).first->second;
}

/// A program that starts itself anew has another memory map, and one that loads a library has more
/// of it.
StackFiller::Space* StackFiller::parent_space(const ForkEvent& fork) {
  const ChildRef& child = fork.child;
  auto known = spaces_.find(child.parent_pid);
  if (known != spaces_.end() && known->second.start_ticks == child.parent_start_ticks &&
      known->second.execs == fork.parent_execs && runs_at(fork.fork_ip, known->second.space))
    return &known->second;
  auto space = read_space(parent_of(child));
  if (!space || !runs_at(fork.fork_ip, *space)) // it has ended, or called exec since
    space = read_forked_space(child);
  if (!space)
    return nullptr;
  return keep(child.parent_pid, {child.parent_start_ticks, fork.parent_execs, std::move(*space)});
}

const AddressSpace* StackFiller::remembered_space(const ChildRef& child) const {
  auto found = spaces_.find(child.parent_pid);
  const bool is_its = found != spaces_.end() && child.parent_start_ticks != 0 &&
                      found->second.start_ticks == child.parent_start_ticks;
  return is_its ? &found->second.space : nullptr;
}

/// A child has its parent's memory map until it execs, except for what it mapped itself. What is
/// remembered is better than what is the same, because its files were looked at, while the child
/// may end before that. The parent's own comes last, because the parent may have called exec since
/// the fork.
const AddressSpace* StackFiller::space_of(const ChildRef& child) {
  last_read_ = read_forked_space(child);
  const AddressSpace* remembered = remembered_space(child);
  if (remembered != nullptr && (!last_read_ || has_same_code(*last_read_, *remembered)))
    return remembered;
  if (last_read_)
    return &*last_read_;
  last_read_ = read_space(parent_of(child));
  return last_read_ ? &*last_read_ : nullptr;
}

void StackFiller::fill(CallEvent& call) {
  if (!call.stack_copy)
    return;
  const AddressSpace* space = space_of(call.child);
  if (space == nullptr)
    return;
  Stack stack = symbolizer_.unwind(snapshot_of(*call.stack_copy), *space);
  log_note("stack", static_cast<pid_t>(call.child.key.pid), stack.note);
  call.stack = std::move(stack.frames);
  call.stack_copy.reset();
}

} // namespace forkmon
