// SPDX-License-Identifier: MIT
/// How a program came to fork, as far as its stacks and its executable show.
#pragma once

#include "forkmon/frame.h"

#include <span>
#include <string>

namespace forkmon {

enum class ForkPath {
  native = 1, ///< not Python, as far as is known
  python,     ///< CPython: os.fork() in the program's own code, or nothing more is known
  process,    ///< multiprocessing.Process, used by the program itself
  pool,       ///< a worker of multiprocessing.Pool
  executor,   ///< a worker of concurrent.futures.ProcessPoolExecutor
  preexec_fn, ///< subprocess with preexec_fn, before the exec
};

/// `exe`: the parent's executable. `stack`: native frames of the child; `python`: its traceback,
/// innermost first. Either may be empty. After a fork the traceback starts in the child and goes on
/// in the parent, and so names the code that made the child.
ForkPath fork_path_of(const std::string& exe, std::span<const Frame> stack,
                      std::span<const Frame> python);

} // namespace forkmon
