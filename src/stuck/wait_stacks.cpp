// SPDX-License-Identifier: MIT
#include "stuck/wait_stacks.h"

#include "symbols/python.h"

namespace forkmon {

WaitStacks stacks_of(Symbolizer& symbolizer, pid_t pid, pid_t tid) {
  Stack native = symbolizer.unwind_live(pid, tid);
  PythonTraceback python = python_traceback(symbolizer.modules(), pid, tid);
  WaitStacks stacks{std::move(native.frames), std::move(python.frames), python.enters_with,
                    std::move(native.note)};
  if (!python.note.empty())
    stacks.note += (stacks.note.empty() ? "Python: " : "; Python: ") + python.note;
  return stacks;
}

} // namespace forkmon
