// SPDX-License-Identifier: MIT
#include "correlate/fork_path.h"

#include <algorithm>
#include <string_view>

namespace forkmon {
namespace {

using Frames = std::span<const Frame>;

/// "/usr/lib/python3.11/multiprocessing/pool.py:125" is in "/multiprocessing/pool.py".
bool is_in(const Frame& frame, std::string_view file) {
  const std::string_view source = frame.source;
  return source.substr(0, source.rfind(':')).ends_with(file);
}

/// From 3.11 on CPython gives qualified names: "Popen._execute_child".
bool is_function(const Frame& frame, std::string_view name) {
  const std::string_view function = frame.function;
  return function.substr(function.rfind('.') + 1) == name;
}

bool any_has(Frames frames, std::string Frame::*part, std::string_view text) {
  return std::ranges::any_of(
      frames, [&](const Frame& frame) { return (frame.*part).find(text) != std::string::npos; });
}

bool runs_python(std::string_view exe, Frames python) {
  const std::string_view name = exe.substr(exe.rfind('/') + 1);
  return !python.empty() || name.starts_with("python") || name.starts_with("uwsgi");
}

/// The first code of the child in multiprocessing/process.py, which then calls what the child is
/// for: BaseProcess._bootstrap calls BaseProcess.run.
bool starts_process(const Frame& frame) {
  return is_in(frame, "/multiprocessing/process.py") &&
         (is_function(frame, "_bootstrap") || is_function(frame, "run"));
}

/// By the function that the process was started for: `called` is just inside of process.py.
ForkPath path_of_process(const Frame* called) {
  if (called && is_in(*called, "/multiprocessing/pool.py") && is_function(*called, "worker"))
    return ForkPath::pool;
  if (called && is_in(*called, "/concurrent/futures/process.py"))
    return ForkPath::executor;
  return ForkPath::process;
}

/// The innermost place where Python forks is the child's own: further out are its ancestors'.
ForkPath path_of_traceback(Frames python) {
  for (std::size_t i = 0; i < python.size(); i++) {
    if (is_in(python[i], "/subprocess.py") && is_function(python[i], "_execute_child"))
      return ForkPath::preexec_fn;
    if (starts_process(python[i]))
      return path_of_process(i > 0 ? &python[i - 1] : nullptr);
  }
  return ForkPath::python;
}

} // namespace

ForkPath fork_path_of(const std::string& exe, Frames stack, Frames python) {
  if (!runs_python(exe, python))
    return ForkPath::native;
  const ForkPath path = path_of_traceback(python);
  // _posixsubprocess.c of CPython: subprocess_fork_exec → do_fork_exec → child_exec.
  const bool in_subprocess = any_has(stack, &Frame::function, "fork_exec") ||
                             any_has(stack, &Frame::module, "_posixsubprocess");
  return path == ForkPath::python && in_subprocess ? ForkPath::preexec_fn : path;
}

} // namespace forkmon
