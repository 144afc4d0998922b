// SPDX-License-Identifier: MIT
/// Where CPython keeps what a traceback needs, by version.
#pragma once

#include "symbols/memory_reader.h"

#include <cstdint>
#include <limits>
#include <optional>

namespace forkmon {

/// Byte offsets in CPython's structs.
struct PythonLayout {
  /// Marks a member that a version does not have.
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// How a frame tells its instruction.
  enum class Instruction {
    byte_index, ///< 3.9
    unit_index, ///< 3.10: units of two bytes
    pointer,    ///< since 3.11: into the code object
  };

  /// The encoding of line numbers.
  enum class Lines {
    lnotab,    ///< 3.9: Objects/lnotab_notes.txt
    linetable, ///< 3.10: PEP 626
    locations, ///< since 3.11: Objects/locations.md
  };

  int minor = 0; ///< of version 3
  std::uint32_t runtime_interpreters_head = 0;
  std::uint32_t interpreter_next = 0;
  std::uint32_t interpreter_threads_head = 0;
  std::uint32_t thread_next = 0;
  std::uint32_t thread_pthread = 0;
  std::uint32_t thread_native_id = kNone;
  std::uint32_t thread_frame = 0;     ///< of the frame, or of the cframe
  std::uint32_t cframe_frame = kNone; ///< 3.11 and 3.12 have one in between
  std::uint32_t frame_previous = 0;
  std::uint32_t frame_code = 0;
  std::uint32_t frame_instruction = 0;
  std::uint32_t frame_owner = kNone;
  std::uint32_t code_filename = 0;
  std::uint32_t code_name = 0; ///< the qualified one where there is one
  std::uint32_t code_first_line = 0;
  std::uint32_t code_lines = 0;
  std::uint32_t code_instructions = kNone;
  std::uint32_t code_bytes = kNone; ///< before 3.11: the bytes object that holds the instructions
  std::uint32_t ascii_data = 0;     ///< characters of a compact ASCII string
  std::uint32_t unicode_data = 0;   ///< characters of any other compact string
  Instruction instruction = Instruction::pointer;
  Lines lines = Lines::locations;
  std::uint8_t enter_with = 0; ///< opcode that calls __enter__: Lib/opcode.py
  /// Since 3.14 it only loads __enter__, and the instruction after it calls that.
  bool enters_by_next = false;
  std::uint64_t code_tags = 0; ///< bits of a frame's pointer to its code that are no address
};

/// The layout of CPython 3.`minor`, 3.9 to 3.12.
std::optional<PythonLayout> python_layout(int minor);

/// The layout that CPython 3.13 or 3.14 describes itself, at the start of _PyRuntime (struct
/// _Py_DebugOffsets). None: there is no such description, one of another version, or that of a
/// free-threaded build.
std::optional<PythonLayout> read_python_layout(MemoryReader& memory, std::uint64_t runtime);

} // namespace forkmon
