// SPDX-License-Identifier: MIT
#include "symbols/python_layout.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace forkmon {
namespace {

constexpr std::uint32_t kNone = PythonLayout::kNone;

// From offsetof() on the headers of each version, x86-64 (aarch64 has the same data model):
// Include/internal/pycore_{runtime,interp,frame}.h, Include/cpython/{pystate,code,frameobject}.h.
// All were run: 3.9.18, 3.10.13, 3.11.2 (Debian), 3.11.7, 3.12.1 and, below, 3.13.0 and 3.14.10.
constexpr std::array<PythonLayout, 4> kLayouts{{
    {
        .minor = 9,
        .runtime_interpreters_head = 32,
        .interpreter_next = 0,
        .interpreter_threads_head = 8,
        .thread_next = 8,
        .thread_pthread = 176,
        .thread_native_id = kNone,
        .thread_frame = 24,
        .cframe_frame = kNone,
        .frame_previous = 24,
        .frame_code = 32,
        .frame_instruction = 104,
        .frame_owner = kNone,
        .code_filename = 104,
        .code_name = 112,
        .code_first_line = 40,
        .code_lines = 120,
        .code_instructions = kNone,
        .code_bytes = 48,
        .ascii_data = 48,
        .unicode_data = 72,
        .instruction = PythonLayout::Instruction::byte_index,
        .lines = PythonLayout::Lines::lnotab,
        .enter_with = 143,
    },
    {
        .minor = 10,
        .runtime_interpreters_head = 32,
        .interpreter_next = 0,
        .interpreter_threads_head = 8,
        .thread_next = 8,
        .thread_pthread = 176,
        .thread_native_id = kNone,
        .thread_frame = 24,
        .cframe_frame = kNone,
        .frame_previous = 24,
        .frame_code = 32,
        .frame_instruction = 96,
        .frame_owner = kNone,
        .code_filename = 104,
        .code_name = 112,
        .code_first_line = 40,
        .code_lines = 120,
        .code_instructions = kNone,
        .code_bytes = 48,
        .ascii_data = 48,
        .unicode_data = 72,
        .instruction = PythonLayout::Instruction::unit_index,
        .lines = PythonLayout::Lines::linetable,
        .enter_with = 143,
    },
    {
        .minor = 11,
        .runtime_interpreters_head = 40,
        .interpreter_next = 0,
        .interpreter_threads_head = 16,
        .thread_next = 8,
        .thread_pthread = 152,
        .thread_native_id = 160,
        .thread_frame = 56,
        .cframe_frame = 8,
        .frame_previous = 48,
        .frame_code = 32,
        .frame_instruction = 56,
        .frame_owner = kNone, // 3.11 has no frames of the C stack
        .code_filename = 112,
        .code_name = 128,
        .code_first_line = 72,
        .code_lines = 136,
        .code_instructions = 184,
        .code_bytes = kNone,
        .ascii_data = 48,
        .unicode_data = 72,
        .instruction = PythonLayout::Instruction::pointer,
        .lines = PythonLayout::Lines::locations,
        .enter_with = 53,
    },
    {
        .minor = 12,
        .runtime_interpreters_head = 40,
        .interpreter_next = 0,
        .interpreter_threads_head = 72,
        .thread_next = 8,
        .thread_pthread = 136,
        .thread_native_id = 144,
        .thread_frame = 56,
        .cframe_frame = 0,
        .frame_previous = 8,
        .frame_code = 0,
        .frame_instruction = 56,
        .frame_owner = 70,
        .code_filename = 112,
        .code_name = 128,
        .code_first_line = 68,
        .code_lines = 136,
        .code_instructions = 192,
        .code_bytes = kNone,
        .ascii_data = 40,
        .unicode_data = 56,
        .instruction = PythonLayout::Instruction::pointer,
        .lines = PythonLayout::Lines::locations,
        .enter_with = 53,
    },
}};

constexpr char kCookie[] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};
constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 20;

using Word = std::uint64_t;

// The parts of struct _Py_DebugOffsets that 3.13 and 3.14 have in common.
struct DebugHeader {
  char cookie[8];
  Word version, free_threaded;
};
struct RuntimeOffsets {
  Word size, finalizing, interpreters_head;
};
struct ThreadOffsets {
  Word size, prev, next, interp, current_frame, thread_id, native_thread_id, datastack_chunk,
      status;
};

/// Of 3.13, up to what is read: Include/internal/pycore_runtime.h.
struct DebugOffsets13 {
  DebugHeader header;
  RuntimeOffsets runtime;
  struct {
    Word size, id, next, threads_head, gc, imports_modules, sysdict, builtins, ceval_gil,
        gil_runtime_state, gil_enabled, gil_locked, gil_holder;
  } interpreter;
  ThreadOffsets thread;
  struct {
    Word size, previous, executable, instr_ptr, localsplus, owner;
  } frame;
  struct {
    Word size, filename, name, qualname, linetable, firstlineno, argcount, localsplusnames,
        localspluskinds, co_code_adaptive;
  } code;
};

/// Of 3.14: Include/internal/pycore_debug_offsets.h.
struct DebugOffsets14 {
  DebugHeader header;
  RuntimeOffsets runtime;
  struct {
    Word size, id, next, threads_head, threads_main, gc, imports_modules, sysdict, builtins,
        ceval_gil, gil_runtime_state, gil_enabled, gil_locked, gil_holder, code_object_generation,
        tlbc_generation;
  } interpreter;
  ThreadOffsets thread;
  struct {
    Word size, previous, executable, instr_ptr, localsplus, owner, stackpointer, tlbc_index;
  } frame;
  struct {
    Word size, filename, name, qualname, linetable, firstlineno, argcount, localsplusnames,
        localspluskinds, co_code_adaptive, co_tlbc;
  } code;
};

std::uint32_t narrow(std::uint64_t offset, bool& ok) {
  ok = ok && offset <= kMaxOffset;
  return static_cast<std::uint32_t>(std::min(offset, kMaxOffset));
}

/// `layout` has what is not described: the sizes of string headers are those of 3.12.
template <typename Offsets>
std::optional<PythonLayout> described(MemoryReader& memory, std::uint64_t runtime,
                                      PythonLayout layout) {
  const auto offsets = memory.number<Offsets>(runtime);
  if (!offsets)
    return {};
  bool ok = true;
  layout.runtime_interpreters_head = narrow(offsets->runtime.interpreters_head, ok);
  layout.interpreter_next = narrow(offsets->interpreter.next, ok);
  layout.interpreter_threads_head = narrow(offsets->interpreter.threads_head, ok);
  layout.thread_next = narrow(offsets->thread.next, ok);
  layout.thread_pthread = narrow(offsets->thread.thread_id, ok);
  layout.thread_native_id = narrow(offsets->thread.native_thread_id, ok);
  layout.thread_frame = narrow(offsets->thread.current_frame, ok);
  layout.cframe_frame = kNone;
  layout.frame_previous = narrow(offsets->frame.previous, ok);
  layout.frame_code = narrow(offsets->frame.executable, ok);
  layout.frame_instruction = narrow(offsets->frame.instr_ptr, ok);
  layout.frame_owner = narrow(offsets->frame.owner, ok);
  layout.code_filename = narrow(offsets->code.filename, ok);
  layout.code_name = narrow(offsets->code.qualname, ok);
  layout.code_first_line = narrow(offsets->code.firstlineno, ok);
  layout.code_lines = narrow(offsets->code.linetable, ok);
  layout.code_instructions = narrow(offsets->code.co_code_adaptive, ok);
  return ok ? std::optional(layout) : std::nullopt;
}

} // namespace

std::optional<PythonLayout> python_layout(int minor) {
  const auto layout = std::ranges::find(kLayouts, minor, &PythonLayout::minor);
  if (layout == kLayouts.end())
    return {};
  return *layout;
}

std::optional<PythonLayout> read_python_layout(MemoryReader& memory, std::uint64_t runtime) {
  const auto header = memory.number<DebugHeader>(runtime);
  if (!header || std::memcmp(header->cookie, kCookie, sizeof kCookie) != 0 ||
      header->free_threaded != 0) // its objects have other headers
    return {};
  PythonLayout layout = kLayouts.back();
  switch (header->version >> 16) {
  case 0x030d:
    layout.minor = 13;
    layout.enter_with = 2; // BEFORE_WITH
    return described<DebugOffsets13>(memory, runtime, layout);
  case 0x030e:
    layout.minor = 14;
    layout.enter_with = 95; // LOAD_SPECIAL, of 0: __enter__
    layout.enters_by_next = true;
    layout.code_tags = 3;
    return described<DebugOffsets14>(memory, runtime, layout);
  default:
    return {};
  }
}

} // namespace forkmon
