// SPDX-License-Identifier: MIT
/// Finding a caller where the unwind information does not lead to it.
///
/// /proc/PID/syscall tells the stack pointer and the pc of a waiting process and no other register,
/// but a function with a frame of variable size needs its frame pointer. Its return address lies
/// further up on the stack all the same. A number there is taken for it when the instruction before
/// it is a call, and unwinding from it meets calls only.
#pragma once

#include "symbols/frame_stepper.h"

#include <optional>

namespace forkmon {

/// The caller's registers: a guess. `rules` are those of the frame, null where it has none. None:
/// nothing on the next 32 KiB of the stack looks like a return address.
std::optional<Registers> scan_for_caller(FrameStepper& stepper, const Registers& registers,
                                         const FrameRules* rules);

} // namespace forkmon
