// SPDX-License-Identifier: MIT
#include "symbols/caller_scan.h"

namespace forkmon {
namespace {

constexpr std::uint64_t kMaxScanBytes = 32768;
constexpr std::uint64_t kSlot = 8;

// Callers beyond the guessed one that must make sense. One stale return address on the stack is
// common; a stale one with two right ones behind it is not.
constexpr int kConfirmingSteps = 2;

/// The caller's registers if its return address is in `slot`: with the rules, the saved registers
/// are found as well.
std::optional<Registers> caller_returning_by(FrameStepper& stepper, const Registers& registers,
                                             const FrameRules* rules, std::uint64_t slot) {
  const std::uint64_t cfa = slot + kSlot;
  Registers caller;
  if (rules != nullptr) {
    Registers assumed = registers;
    assumed.set(rules->cfa.reg, cfa - static_cast<std::uint64_t>(rules->cfa.offset));
    const auto step = stepper.step_with(*rules, assumed, cfa);
    if (step.result != StepResult::stepped)
      return {};
    caller = step.caller;
  } else {
    caller.set_pc(stepper.memory().number<std::uint64_t>(slot).value_or(0));
    caller.set_sp(cfa);
  }
  return caller;
}

bool is_confirmed(FrameStepper& stepper, Registers registers) {
  for (int i = 0; i < kConfirmingSteps; ++i) {
    const auto step = stepper.step(registers, true);
    if (step.result == StepResult::outermost)
      return true;
    // Alpine's musl has no rules for what calls main(). The first step had some, and led there.
    if (step.result == StepResult::no_rules && i > 0)
      return true;
    if (step.result != StepResult::stepped ||
        !stepper.call_returning_to(step.caller.pc().value_or(0)))
      return false;
    registers = step.caller;
  }
  return true;
}

/// A direct call to another function of the same file tells that the slot is stale; calls through
/// the PLT or a register tell nothing.
bool is_call_of(FrameStepper& stepper, const Call& call, const Location& callee,
                const FrameRules* rules) {
  if (!call.target || rules == nullptr)
    return true;
  const auto target = stepper.locate(*call.target);
  if (target.module != callee.module || target.address == rules->function_start)
    return true;
  return !target.module || !target.module->symbol_at(target.address);
}

} // namespace

std::optional<Registers> scan_for_caller(FrameStepper& stepper, const Registers& registers,
                                         const FrameRules* rules) {
  const auto sp = registers.sp();
  if (!kArchitecture.call_pushes_return_address || !sp || *sp % kSlot != 0)
    return {};
  const auto callee = stepper.locate(registers.pc().value_or(0));
  std::optional<Registers> other;
  for (std::uint64_t slot = *sp; slot - *sp < kMaxScanBytes; slot += kSlot) {
    const auto value = stepper.memory().number<std::uint64_t>(slot);
    if (!value)
      break;
    const auto call = stepper.call_returning_to(*value);
    const auto caller = call ? caller_returning_by(stepper, registers, rules, slot) : std::nullopt;
    if (!caller || !is_confirmed(stepper, *caller))
      continue;
    if (is_call_of(stepper, *call, callee, rules))
      return caller;
    // A tail call of the callee ends in another function than was called: second choice.
    if (!other)
      other = caller;
  }
  return other;
}

} // namespace forkmon
