// SPDX-License-Identifier: MIT
/// One step of unwinding: from the registers of a frame to those of its caller.
#pragma once

#include "process/address_space.h"
#include "symbols/code_bytes.h"
#include "symbols/memory_reader.h"
#include "symbols/module_cache.h"
#include "symbols/registers.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace forkmon {

/// Where an address lies.
struct Location {
  const Mapping* mapping = nullptr; ///< null: in none
  std::shared_ptr<Module> module;   ///< null: of no file, or of one that cannot be read
  std::uint64_t address = 0;        ///< ELF address in the module, else the address itself
};

/// How a step went.
enum class StepResult {
  stepped,
  outermost,        ///< the code says that it has no caller
  no_rules,         ///< no unwind information covers the code
  unknown_register, ///< the caller's frame depends on a register that is not known
  unreadable,       ///< the stack cannot be read there
};

struct Step {
  StepResult result = StepResult::no_rules;
  Registers caller;         ///< when stepped
  bool interrupted = false; ///< the caller was interrupted by a signal, it has made no call
  std::optional<FrameRules> rules;
};

class FrameStepper {
public:
  FrameStepper(ModuleCache& modules, const AddressSpace& space, MemoryReader& memory)
      : modules_(modules), space_(space), memory_(memory) {}

  Location locate(std::uint64_t address);

  /// By the unwind information of the code. `made_call`: the pc is a return address, and the call
  /// before it may be the last instruction of its function.
  Step step(const Registers& registers, bool made_call);

  /// The caller by the rules, given the canonical frame address.
  Step step_with(const FrameRules& rules, const Registers& registers, std::uint64_t cfa);

  /// By the chain of frame pointers. None: there is no such chain.
  std::optional<Registers> step_by_frame_pointer(const Registers& registers);

  /// The call that would return to `address`, which must be in executable memory.
  std::optional<Call> call_returning_to(std::uint64_t address);

  MemoryReader& memory() { return memory_; }

private:
  std::optional<std::uint64_t> canonical_frame_address(const CfaRule& rule,
                                                       const Registers& registers);
  std::optional<std::uint64_t> apply(const RegisterRule& rule, const Registers& registers,
                                     std::uint64_t number, std::uint64_t cfa);

  ModuleCache& modules_;
  const AddressSpace& space_;
  MemoryReader& memory_;
};

} // namespace forkmon
