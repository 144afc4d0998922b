// SPDX-License-Identifier: MIT
/// Walking a stack from its innermost frame outwards.
#pragma once

#include "symbols/frame_stepper.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace forkmon {

/// The addresses of a stack, innermost first.
struct Walk {
  struct Entry {
    std::uint64_t pc = 0;
    bool made_call = false; ///< pc is a return address: the frame's own code ends before it
  };
  std::vector<Entry> frames;
  std::size_t exact = 0; ///< how many of them do not rest on a guess
  std::string note;      ///< why it is cut short or partly guessed; empty where it is neither
};

/// `registers` must at least hold pc and stack pointer. Ends after `max_frames` frames, and where
/// the stack does not grow from a frame to its caller.
Walk walk_stack(FrameStepper& stepper, Registers registers, std::size_t max_frames);

} // namespace forkmon
