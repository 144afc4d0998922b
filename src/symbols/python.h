// SPDX-License-Identifier: MIT
/// The Python traceback of a process that runs CPython 3.9 to 3.14 and stands still, read from its
/// memory.
#pragma once

#include "forkmon/finding.h"
#include "process/address_space.h"
#include "symbols/memory_reader.h"
#include "symbols/module_cache.h"
#include "symbols/python_layout.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace forkmon {

struct PythonTraceback {
  std::string version;       ///< "3.11"; empty where the process does not run Python
  std::vector<Frame> frames; ///< innermost first; only `function` and `source` are set
  /// The innermost frame enters a `with` statement: whoever waits there uses a lock as a mutex, and
  /// not to be told of something.
  bool enters_with = false;
  std::string note; ///< why it is empty or cut short; else empty
};

/// The traceback of a thread that waits. The process is not stopped and not written to. Not Python:
/// an empty version and an empty note.
PythonTraceback python_traceback(ModuleCache& modules, pid_t pid, pid_t tid);

/// Tells the thread's state among those of the interpreter. After a fork CPython removes those of
/// the threads that are gone, but a child may be stuck before that.
struct PythonThreadHint {
  std::uint64_t native_id = 0;   ///< as the process knows it, in its pid namespace
  std::uint64_t stack_start = 0; ///< mapping that holds the thread's stack: the C library puts the
  std::uint64_t stack_end = 0;   ///< pthread_t of a thread in there as well, but not the main one's
};

/// At most 128 frames; ends where a frame cannot be read or the frames form a loop.
PythonTraceback walk_python(MemoryReader& memory, const PythonLayout& layout, std::uint64_t runtime,
                            const PythonThreadHint& hint);

} // namespace forkmon
