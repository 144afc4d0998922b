// SPDX-License-Identifier: MIT
#include "symbols/frame_stepper.h"

#include "symbols/dwarf_expression.h"

#include <algorithm>
#include <array>

namespace forkmon {
namespace {

/// Of a return address: a leaf function of arm64 does not save it.
bool stays_in_register(const RegisterRule& rule) {
  return rule.kind == RegisterRule::Kind::unspecified ||
         rule.kind == RegisterRule::Kind::same_value;
}

} // namespace

Location FrameStepper::locate(std::uint64_t address) {
  Location location{space_.find(address), nullptr, address};
  if (location.mapping == nullptr)
    return location;
  auto module = modules_.get(space_, *location.mapping);
  if (!module)
    return location;
  const auto file_offset = address - location.mapping->start + location.mapping->file_offset;
  if (const auto elf_address = (*module)->file().address_of(file_offset)) {
    location.module = *module;
    location.address = *elf_address;
  }
  return location;
}

Step FrameStepper::step(const Registers& registers, bool made_call) {
  const auto location = locate(registers.pc().value_or(0) - (made_call ? 1 : 0));
  auto rules = location.module ? location.module->rules_at(location.address) : std::nullopt;
  if (!rules)
    return {};
  Step step;
  if (const auto cfa = canonical_frame_address(rules->cfa, registers))
    step = step_with(*rules, registers, *cfa);
  else
    step.result = StepResult::unknown_register;
  step.rules = std::move(rules);
  return step;
}

std::optional<std::uint64_t> FrameStepper::canonical_frame_address(const CfaRule& rule,
                                                                   const Registers& registers) {
  if (!rule.expression.empty())
    return evaluate_expression(rule.expression, registers, memory_, {});
  const auto base = registers.get(rule.reg);
  if (!base)
    return {};
  return *base + static_cast<std::uint64_t>(rule.offset);
}

Step FrameStepper::step_with(const FrameRules& rules, const Registers& registers,
                             std::uint64_t cfa) {
  Step step;
  const auto& return_rule = rules.registers[kArchitecture.return_address];
  if (return_rule.kind == RegisterRule::Kind::undefined) {
    step.result = StepResult::outermost;
    return step;
  }
  for (std::uint64_t number = 0; number < Registers::kCount; ++number)
    if (const auto value = apply(rules.registers[number], registers, number, cfa))
      step.caller.set(number, *value);
  if (rules.registers[kArchitecture.stack_pointer].kind == RegisterRule::Kind::unspecified)
    step.caller.set_sp(cfa);
  const auto pc = step.caller.get(kArchitecture.return_address);
  step.result = pc                               ? StepResult::stepped
                : stays_in_register(return_rule) ? StepResult::unknown_register
                                                 : StepResult::unreadable;
  step.caller.set_pc(kArchitecture.without_signature(pc.value_or(0)));
  step.interrupted = rules.is_signal_frame;
  return step;
}

std::optional<std::uint64_t> FrameStepper::apply(const RegisterRule& rule,
                                                 const Registers& registers, std::uint64_t number,
                                                 std::uint64_t cfa) {
  using Kind = RegisterRule::Kind;
  const auto offset = static_cast<std::uint64_t>(rule.value);
  switch (rule.kind) {
  case Kind::unspecified:
    return (kArchitecture.callee_saved >> number & 1) != 0 ? registers.get(number) : std::nullopt;
  case Kind::undefined:
    return {};
  case Kind::same_value:
    return registers.get(number);
  case Kind::at_offset:
    return memory_.number<std::uint64_t>(cfa + offset);
  case Kind::is_offset:
    return cfa + offset;
  case Kind::other_register:
    return registers.get(offset);
  case Kind::at_expression: {
    const auto address = evaluate_expression(rule.expression, registers, memory_, cfa);
    return address ? memory_.number<std::uint64_t>(*address) : std::nullopt;
  }
  case Kind::is_expression:
    return evaluate_expression(rule.expression, registers, memory_, cfa);
  }
  return {};
}

std::optional<Registers> FrameStepper::step_by_frame_pointer(const Registers& registers) {
  const auto fp = registers.fp();
  if (!fp || *fp < registers.sp().value_or(0))
    return {};
  const auto caller_fp = memory_.number<std::uint64_t>(*fp);
  const auto saved_pc = memory_.number<std::uint64_t>(*fp + 8);
  const auto caller_pc = kArchitecture.without_signature(saved_pc.value_or(0));
  if (!caller_fp || !call_returning_to(caller_pc))
    return {};
  Registers caller;
  caller.set_fp(*caller_fp);
  caller.set_pc(caller_pc);
  caller.set_sp(*fp + 16);
  return caller;
}

std::optional<Call> FrameStepper::call_returning_to(std::uint64_t address) {
  const auto* mapping = space_.find(address);
  if (mapping == nullptr || !mapping->executable || address - mapping->start < kMaxCallBytes)
    return {};
  // The file rather than the memory: code that ran in the parent only is not in the child's memory.
  const auto location = locate(address);
  if (location.module) {
    const auto file_offset = address - mapping->start + mapping->file_offset;
    return call_before(
        location.module->file().read_some(file_offset - kMaxCallBytes, kMaxCallBytes), address);
  }
  std::array<std::uint8_t, kMaxCallBytes> bytes;
  if (!memory_.read(address - bytes.size(), bytes))
    return {};
  return call_before(bytes, address);
}

} // namespace forkmon
