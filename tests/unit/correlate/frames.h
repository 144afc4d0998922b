// SPDX-License-Identifier: MIT
/// Stacks and Python tracebacks, innermost first, as tests of advice need them.
#pragma once

#include "forkmon/frame.h"

#include <string>
#include <vector>

namespace forkmon::frames {

inline std::vector<Frame> native(std::string function, std::string module = "") {
  return {{std::move(function), std::move(module), 0, ""}};
}

inline Frame py(const std::string& file, std::string function) {
  return {std::move(function), "", 0, "/usr/lib/python3.11/" + file + ":12"};
}

inline Frame user(std::string function) {
  return {std::move(function), "", 0, "/srv/app.py:7"};
}

inline std::vector<Frame> os_fork() {
  return {user("work"), user("<module>")};
}

/// A child of multiprocessing that runs what these frames say.
inline std::vector<Frame> in_process(std::vector<Frame> frames = {user("work")}) {
  for (const char* function : {"BaseProcess.run", "BaseProcess._bootstrap"})
    frames.push_back(py("multiprocessing/process.py", function));
  frames.push_back(py("multiprocessing/popen_fork.py", "Popen._launch"));
  frames.push_back(user("<module>"));
  return frames;
}

inline std::vector<Frame> in_pool() {
  return in_process({user("work"), py("multiprocessing/pool.py", "mapstar"),
                     py("multiprocessing/pool.py", "worker")});
}

inline std::vector<Frame> in_executor() {
  return in_process({user("work"), py("concurrent/futures/process.py", "_process_worker")});
}

inline std::vector<Frame> in_preexec_fn() {
  return {user("prepare"), py("subprocess.py", "Popen._execute_child"),
          py("subprocess.py", "Popen.__init__"), user("<module>")};
}

} // namespace forkmon::frames
