// SPDX-License-Identifier: MIT
/// Call stacks of processes: from a copy of registers and stack, or of a live process that waits.
#pragma once

#include "forkmon/finding.h"
#include "process/address_space.h"
#include "symbols/jit_map.h"
#include "symbols/module_cache.h"
#include "symbols/registers.h"
#include "symbols/source_lines.h"
#include "symbols/stack_walker.h"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

/// A thread as it stood at one moment.
struct StackSnapshot {
  Registers registers;             ///< with the callee-saved ones where they are known
  std::vector<std::uint8_t> stack; ///< from the stack pointer up
};

/// A call stack, as far as it could be found out.
struct Stack {
  std::vector<Frame> frames; ///< innermost first; offsets are ELF addresses, as addr2line wants
  std::string note;          ///< why it is empty, cut short or partly guessed; else empty
};

/// Never throws, never waits, and never stops or writes to a process. Not thread-safe.
class Symbolizer {
public:
  struct Options {
    std::size_t max_modules = 64; ///< kept in memory
    std::size_t max_frames = 64;  ///< of one stack
  };

  explicit Symbolizer(Options options) : options_(options), modules_(options.max_modules) {}

  /// The stack of a snapshot. `space` is the memory map of the process, or, as it is the same
  /// until an exec, of its parent; files are opened through the process it was read from.
  Stack unwind(const StackSnapshot& snapshot, const AddressSpace& space);

  /// The stack of a thread that waits in the kernel. `registers`: its user registers where they
  /// are known; else those that /proc tells, the stack pointer and the pc, must do, and frames of
  /// functions that need others are guessed. The caller sees to it that `pid` is not reused.
  Stack unwind_live(pid_t pid, pid_t tid, const std::optional<Registers>& registers = {});

  /// One address, such as an instruction pointer that was sampled.
  Frame symbolize(std::uint64_t address, const AddressSpace& space);

  /// Opens the modules of executable mappings now, for a process that may be gone when they are
  /// needed. At most as many as are kept.
  void preload(const AddressSpace& space);

  ModuleCache& modules() { return modules_; }

private:
  Stack unwind_in(const Registers& registers, const AddressSpace& space, MemoryReader& memory);
  Frame frame_at(FrameStepper& stepper, const Walk::Entry& entry, pid_t pid);
  std::string jit_function(std::uint64_t address, pid_t pid);

  Options options_;
  ModuleCache modules_;
  SourceLines lines_;
  std::unique_ptr<JitMap> jit_map_; ///< of the process that was last looked at
};

/// What /proc/PID/task/TID/syscall says of a thread that waits: stack pointer and pc only. Error:
/// it runs, or it is gone.
Result<Registers> registers_of_waiting(pid_t pid, pid_t tid);

} // namespace forkmon
