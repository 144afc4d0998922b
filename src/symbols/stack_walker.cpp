// SPDX-License-Identifier: MIT
#include "symbols/stack_walker.h"

#include "symbols/caller_scan.h"

#include <fmt/format.h>

namespace forkmon {
namespace {

class StackWalker {
public:
  StackWalker(FrameStepper& stepper, const Registers& registers)
      : stepper_(stepper), registers_(registers) {}

  Walk walk(std::size_t max_frames) {
    while (walk_.frames.size() < max_frames)
      if (!add_frame() || !go_to_caller())
        return finish();
    stop(fmt::format("only the innermost {} frames are shown", max_frames));
    return finish();
  }

private:
  bool add_frame() {
    const std::uint64_t pc = registers_.pc().value_or(0);
    const bool is_caller = !walk_.frames.empty();
    if (is_caller && pc == 0)
      return false; // the outermost frame of code without unwind information
    walk_.frames.push_back({pc, made_call_});
    walk_.exact += guessed_ ? 0 : 1;
    const auto location = stepper_.locate(pc - (made_call_ ? 1 : 0));
    if (location.mapping == nullptr || !location.mapping->executable)
      return stop(fmt::format("{:#x} is not in executable memory", pc));
    return true;
  }

  bool go_to_caller() {
    auto step = stepper_.step(registers_, made_call_);
    switch (step.result) {
    case StepResult::outermost:
      return false;
    case StepResult::unreadable:
      return stop("the stack cannot be read any further");
    case StepResult::stepped:
      return move_to(step.caller, step.interrupted);
    case StepResult::no_rules:
    case StepResult::unknown_register:
      return guess(step);
    }
    return false;
  }

  bool guess(const Step& step) {
    std::optional<Registers> caller;
    if (step.result == StepResult::no_rules)
      caller = stepper_.step_by_frame_pointer(registers_);
    if (!caller)
      caller = scan_for_caller(stepper_, registers_, step.rules ? &*step.rules : nullptr);
    if (!caller)
      return stop(step.result == StepResult::no_rules
                      ? "no unwind information for the outermost frame shown"
                      : "the caller of the outermost frame shown depends on an unknown register");
    guessed_ = true;
    return move_to(*caller, false);
  }

  bool move_to(const Registers& caller, bool interrupted) {
    const auto sp = registers_.sp();
    const auto caller_sp = caller.sp();
    // A handler may run on a stack of its own. A leaf function may have no frame, but only one can.
    const bool may_stay = walk_.frames.size() == 1;
    const bool grows = sp && caller_sp && (*caller_sp > *sp || (may_stay && *caller_sp == *sp));
    if (!grows && !interrupted)
      return stop("the stack is corrupt: it does not grow");
    registers_ = caller;
    made_call_ = !interrupted;
    return true;
  }

  bool stop(std::string reason) {
    walk_.note = std::move(reason);
    return false;
  }

  Walk finish() {
    if (walk_.exact < walk_.frames.size())
      walk_.note += fmt::format("{}frames from #{} on are guessed from the contents of the stack",
                                walk_.note.empty() ? "" : "; ", walk_.exact);
    return std::move(walk_);
  }

  FrameStepper& stepper_;
  Registers registers_;
  Walk walk_;
  bool made_call_ = false;
  bool guessed_ = false;
};

} // namespace

Walk walk_stack(FrameStepper& stepper, Registers registers, std::size_t max_frames) {
  return StackWalker(stepper, registers).walk(max_frames);
}

} // namespace forkmon
