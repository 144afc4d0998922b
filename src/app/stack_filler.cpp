// SPDX-License-Identifier: MIT
#include "app/stack_filler.h"

#include "correlate/fork_call.h"

#include <spdlog/spdlog.h>

namespace forkmon {
namespace {

void log_note(const char* what, pid_t pid, const std::string& note) {
  if (!note.empty())
    spdlog::debug("{} of process {}: {}", what, pid, note);
}

/// Nothing for a process that is gone, or a zombie.
std::optional<AddressSpace> read_space(std::uint32_t pid) {
  auto space = AddressSpace::of(static_cast<pid_t>(pid));
  if (!space || space->mappings().empty())
    return std::nullopt;
  return std::move(*space);
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
    const Mapping* mapping = parent->space.find(word);
    if (mapping != nullptr && mapping->executable)
      functions.push_back(function_at(word, *parent));
  }
  fork.call = fork_call_of(functions);
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

StackFiller::Space* StackFiller::parent_space(const ForkEvent& fork) {
  auto known = spaces_.find(fork.child.parent_pid);
  if (known != spaces_.end() && known->second.exe == fork.exe_id)
    return &known->second;
  auto space = read_space(fork.child.parent_pid);
  if (!space)
    return nullptr;
  if (spaces_.size() >= max_spaces)
    spaces_.clear();
  Space read{fork.exe_id, std::move(*space)};
  return &spaces_.insert_or_assign(fork.child.parent_pid, std::move(read)).first->second;
}

/// A child has its parent's memory map until it execs, but for what it mapped itself.
const AddressSpace* StackFiller::space_of(const ChildRef& child) {
  for (std::uint32_t pid : {child.key.pid, child.parent_pid}) {
    last_read_ = read_space(pid);
    if (last_read_)
      return &*last_read_;
  }
  auto remembered = spaces_.find(child.parent_pid);
  return remembered == spaces_.end() ? nullptr : &remembered->second.space;
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
