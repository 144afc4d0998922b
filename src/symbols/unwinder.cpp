// SPDX-License-Identifier: MIT
#include "symbols/unwinder.h"

#include "process/proc.h"
#include "process/wait_state.h"

#include "process/safe_open.h"
#include "symbols/demangle.h"

#include <fmt/format.h>

namespace forkmon {
Result<Registers> registers_of_waiting(pid_t pid, pid_t tid) {
  const auto path = fmt::format("/proc/{}/task/{}/syscall", pid, tid);
  auto text = read_proc_file(path, 4096);
  if (!text)
    return text.error();
  const auto state = parse_wait_state(*text);
  if (!state || state->running)
    return Error{fmt::format("thread {} runs", tid)};
  Registers registers;
  registers.set_pc(state->pc);
  registers.set_sp(state->sp);
  return registers;
}

Stack Symbolizer::unwind(const StackSnapshot& snapshot, const AddressSpace& space) {
  CopiedMemory memory(snapshot.registers.sp().value_or(0), snapshot.stack);
  return unwind_in(snapshot.registers, space, memory);
}

Stack Symbolizer::unwind_live(pid_t pid, pid_t tid, const std::optional<Registers>& registers) {
  auto waiting = registers ? Result<Registers>(*registers) : registers_of_waiting(pid, tid);
  if (!waiting)
    return {{}, waiting.error().message};
  const auto space = AddressSpace::of(pid);
  if (!space)
    return {{}, space.error().message};
  ProcessMemory memory(pid);
  return unwind_in(*waiting, *space, memory);
}

Stack Symbolizer::unwind_in(const Registers& registers, const AddressSpace& space,
                            MemoryReader& memory) {
  FrameStepper stepper(modules_, space, memory);
  auto walk = walk_stack(stepper, registers, options_.max_frames);
  Stack stack{{}, std::move(walk.note)};
  for (const auto& entry : walk.frames)
    stack.frames.push_back(frame_at(stepper, entry, space.pid()));
  return stack;
}

Frame Symbolizer::symbolize(std::uint64_t address, const AddressSpace& space) {
  CopiedMemory nothing(0, {});
  FrameStepper stepper(modules_, space, nothing);
  return frame_at(stepper, {address, false}, space.pid());
}

Frame Symbolizer::frame_at(FrameStepper& stepper, const Walk::Entry& entry, pid_t pid) {
  const std::uint64_t back = entry.made_call ? 1 : 0;
  const auto location = stepper.locate(entry.pc - back);
  Frame frame;
  frame.offset = location.address + back;
  if (location.mapping == nullptr)
    return frame;
  if (location.mapping->inode != 0 || location.module)
    frame.module = location.mapping->path;
  if (!location.module) {
    if (location.mapping->executable && location.mapping->inode == 0)
      frame.function = jit_function(entry.pc - back, pid);
    return frame;
  }
  if (const auto symbol = location.module->symbol_at(location.address))
    frame.function = demangle(symbol->name);
  frame.source = lines_.find(location.module->debug_file(), location.address);
  return frame;
}

std::string Symbolizer::jit_function(std::uint64_t address, pid_t pid) {
  if (!jit_map_ || !jit_map_->is_same_file(pid)) {
    auto map = JitMap::of(pid);
    jit_map_.reset();
    if (map)
      jit_map_ = std::make_unique<JitMap>(*std::move(map));
  }
  return jit_map_ ? jit_map_->find(address).value_or("") : "";
}

void Symbolizer::preload(const AddressSpace& space) {
  std::size_t count = 0;
  for (const auto& mapping : space.mappings())
    if (mapping.executable && mapping.inode != 0 && count++ < options_.max_modules)
      static_cast<void>(modules_.get(space, mapping)); // whoever needs it will be told
}

} // namespace forkmon
