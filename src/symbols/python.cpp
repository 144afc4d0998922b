// SPDX-License-Identifier: MIT
#include "symbols/python.h"

#include "process/namespace_pid.h"
#include "symbols/python_lines.h"
#include "symbols/python_objects.h"
#include "symbols/unwinder.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr std::size_t kMaxFrames = 128;
constexpr std::size_t kMaxThreads = 4096;
constexpr std::size_t kMaxInterpreters = 64;

// FRAME_OWNED_BY_CSTACK, or since 3.14 that or FRAME_OWNED_BY_INTERPRETER: the entry of the
// interpreter's loop, without code of its own.
constexpr std::uint8_t kOwnedByNoCode = 3;

// PyBytesObject up to its bytes: Include/cpython/bytesobject.h.
constexpr std::uint64_t kBytesHeader = 32;

/// Follows the interpreter's lists; 0 where a pointer cannot be read.
class PythonWalker {
public:
  PythonWalker(MemoryReader& memory, const PythonLayout& layout)
      : memory_(memory), layout_(layout) {}

  std::uint64_t find_thread(std::uint64_t runtime, const PythonThreadHint& hint) {
    std::uint64_t interpreter = pointer(runtime + layout_.runtime_interpreters_head);
    std::vector<std::uint64_t> threads;
    for (std::size_t i = 0; i < kMaxInterpreters && interpreter != 0; ++i) {
      add_threads_of(interpreter, threads);
      interpreter = pointer(interpreter + layout_.interpreter_next);
    }
    return choose(threads, hint);
  }

  void walk(std::uint64_t thread, PythonTraceback& traceback) {
    std::set<std::uint64_t> seen;
    std::uint64_t frame = pointer(thread + layout_.thread_frame);
    if (layout_.cframe_frame != PythonLayout::kNone && frame != 0)
      frame = pointer(frame + layout_.cframe_frame);
    for (; frame != 0; frame = pointer(frame + layout_.frame_previous)) {
      if (!seen.insert(frame).second) {
        traceback.note = "the Python frames form a loop";
        return;
      }
      if (traceback.frames.size() >= kMaxFrames || seen.size() > 2 * kMaxFrames) {
        traceback.note = fmt::format("only the innermost {} Python frames are shown", kMaxFrames);
        return;
      }
      if (!add(frame, traceback))
        return;
    }
    if (traceback.frames.empty())
      traceback.note = "the thread runs no Python code";
  }

private:
  std::uint64_t pointer(std::uint64_t address) {
    return memory_.number<std::uint64_t>(address).value_or(0);
  }

  void add_threads_of(std::uint64_t interpreter, std::vector<std::uint64_t>& threads) {
    std::uint64_t thread = pointer(interpreter + layout_.interpreter_threads_head);
    while (thread != 0 && threads.size() < kMaxThreads) {
      threads.push_back(thread);
      thread = pointer(thread + layout_.thread_next);
    }
  }

  std::uint64_t choose(const std::vector<std::uint64_t>& threads, const PythonThreadHint& hint) {
    const auto first = [&](auto matches) {
      const auto found = std::ranges::find_if(threads, matches);
      return found == threads.end() ? 0 : *found;
    };
    if (threads.size() <= 1)
      return threads.empty() ? 0 : threads.front();
    if (layout_.thread_native_id != PythonLayout::kNone)
      if (const auto thread = first([&](std::uint64_t candidate) {
            return pointer(candidate + layout_.thread_native_id) == hint.native_id;
          }))
        return thread;
    const auto on_its_stack = first([&](std::uint64_t candidate) {
      const auto pthread = pointer(candidate + layout_.thread_pthread);
      return pthread >= hint.stack_start && pthread < hint.stack_end;
    });
    // New threads are put in front: the main thread, whose pthread_t lies elsewhere, is last.
    return on_its_stack != 0 ? on_its_stack : threads.back();
  }

  bool add(std::uint64_t frame, PythonTraceback& traceback) {
    if (layout_.frame_owner != PythonLayout::kNone &&
        memory_.number<std::uint8_t>(frame + layout_.frame_owner).value_or(0) >= kOwnedByNoCode)
      return true;
    const auto code = pointer(frame + layout_.frame_code) & ~layout_.code_tags;
    const auto name = read_python_string(memory_, layout_, pointer(code + layout_.code_name));
    const auto file = read_python_string(memory_, layout_, pointer(code + layout_.code_filename));
    if (!name || !file) {
      traceback.note = "a Python frame cannot be read";
      return false;
    }
    Frame result;
    result.function = *name;
    const auto instruction = instruction_offset(frame, code);
    result.source = fmt::format("{}:{}", *file, line_of(code, instruction));
    if (traceback.frames.empty())
      traceback.enters_with = enters_with(code, instruction);
    traceback.frames.push_back(std::move(result));
    return true;
  }

  std::int64_t instruction_offset(std::uint64_t frame, std::uint64_t code) {
    const auto address = frame + layout_.frame_instruction;
    switch (layout_.instruction) {
    case PythonLayout::Instruction::byte_index:
      return memory_.number<std::int32_t>(address).value_or(0);
    case PythonLayout::Instruction::unit_index:
      return std::int64_t{2} * memory_.number<std::int32_t>(address).value_or(0);
    case PythonLayout::Instruction::pointer:
      return static_cast<std::int64_t>(pointer(address) - code - layout_.code_instructions);
    }
    return 0;
  }

  bool enters_with(std::uint64_t code, std::int64_t offset) {
    if (!layout_.enters_by_next)
      return byte_at(code, offset) == layout_.enter_with;
    const bool loads_enter = byte_at(code, offset - 1) == 0; // its argument: _Py_SPECIAL_METHODS
    return loads_enter && byte_at(code, offset - 2) == layout_.enter_with;
  }

  /// Of its instructions, which have two bytes each: code and argument. 0, which is no instruction
  /// that waits, where it cannot be read.
  std::uint8_t byte_at(std::uint64_t code, std::int64_t offset) {
    if (offset < 0)
      return 0;
    const auto instructions = layout_.code_bytes == PythonLayout::kNone
                                  ? code + layout_.code_instructions
                                  : pointer(code + layout_.code_bytes) + kBytesHeader;
    return memory_.number<std::uint8_t>(instructions + static_cast<std::uint64_t>(offset))
        .value_or(0);
  }

  int line_of(std::uint64_t code, std::int64_t offset) {
    const int first = memory_.number<std::int32_t>(code + layout_.code_first_line).value_or(0);
    const auto table = read_python_bytes(memory_, pointer(code + layout_.code_lines));
    // Before its first instruction a frame is where its function is defined.
    if (!table || offset < 0)
      return first;
    const int line = python_line(layout_.lines, *table, first, offset);
    return line > 0 ? line : first;
  }

  MemoryReader& memory_;
  const PythonLayout& layout_;
};

/// An interpreter in a process.
struct Interpreter {
  std::uint64_t runtime = 0; ///< address of _PyRuntime in the process
  int minor = 0;             ///< of its version 3; 0: not known
};

/// 0x030b02f0 is 3.11.2: Py_Version, exported since 3.11.
std::optional<int> minor_by_symbol(const ElfImage& file) {
  std::uint32_t version = 0;
  const auto address = find_data_symbol(file, "Py_Version");
  const auto offset = address ? file.file_offset_of(*address) : std::nullopt;
  if (!offset || !file.read(*offset, {reinterpret_cast<std::uint8_t*>(&version), sizeof version}) ||
      version >> 24 != 3)
    return {};
  return static_cast<int>(version >> 16 & 0xff);
}

/// "libpython3.9.so.1.0", "python3.9".
int minor_by_name(const std::string& path) {
  constexpr std::string_view kName = "python3.";
  const auto begin = path.rfind(kName);
  int minor = 0;
  if (begin != std::string::npos)
    std::from_chars(path.data() + begin + kName.size(), path.data() + path.size(), minor);
  return minor;
}

std::optional<Interpreter> interpreter_in(ModuleCache& modules, const AddressSpace& space,
                                          const Mapping& mapping) {
  auto module = modules.get(space, mapping);
  if (!module)
    return {};
  const ElfImage& file = (*module)->file();
  const auto runtime = find_data_symbol(file, "_PyRuntime");
  const auto mapped_address = file.address_of(mapping.file_offset);
  if (!runtime || !mapped_address)
    return {};
  return Interpreter{*runtime - *mapped_address + mapping.start,
                     minor_by_symbol(file).value_or(minor_by_name(mapping.path))};
}

/// The interpreter is in a file with "python" in its name, else in the executable that embeds it,
/// which is mapped first.
std::optional<Interpreter> find_interpreter(ModuleCache& modules, const AddressSpace& space) {
  bool is_first = true;
  std::set<std::pair<dev_t, std::uint64_t>> seen;
  for (const auto& mapping : space.mappings()) {
    if (!mapping.executable || mapping.inode == 0 ||
        !seen.emplace(mapping.dev, mapping.inode).second)
      continue;
    const auto name = mapping.path.substr(mapping.path.rfind('/') + 1);
    if (is_first || name.find("python") != std::string::npos)
      if (const auto interpreter = interpreter_in(modules, space, mapping))
        return interpreter;
    is_first = false;
  }
  return {};
}

PythonThreadHint hint_for(const AddressSpace& space, pid_t pid, pid_t tid) {
  PythonThreadHint hint{static_cast<std::uint64_t>(tid_in_its_namespace(pid, tid)), 0, 0};
  const auto registers = registers_of_waiting(pid, tid);
  const auto* stack = registers ? space.find(registers->sp().value_or(0)) : nullptr;
  if (stack != nullptr) {
    hint.stack_start = stack->start;
    hint.stack_end = stack->end;
  }
  return hint;
}

} // namespace

PythonTraceback walk_python(MemoryReader& memory, const PythonLayout& layout, std::uint64_t runtime,
                            const PythonThreadHint& hint) {
  PythonTraceback traceback;
  traceback.version = fmt::format("3.{}", layout.minor);
  PythonWalker walker(memory, layout);
  if (const auto thread = walker.find_thread(runtime, hint))
    walker.walk(thread, traceback);
  else
    traceback.note = "the interpreter knows no thread";
  return traceback;
}

PythonTraceback python_traceback(ModuleCache& modules, pid_t pid, pid_t tid) {
  const auto space = AddressSpace::of(pid);
  if (!space)
    return {{}, {}, false, space.error().message};
  const auto interpreter = find_interpreter(modules, *space);
  if (!interpreter)
    return {};
  ProcessMemory memory(pid);
  auto layout = python_layout(interpreter->minor);
  if (!layout)
    layout = read_python_layout(memory, interpreter->runtime);
  if (!layout)
    return {
        fmt::format("3.{}", interpreter->minor), {}, false, "this version of Python is not known"};
  return walk_python(memory, *layout, interpreter->runtime, hint_for(*space, pid, tid));
}

} // namespace forkmon
