// SPDX-License-Identifier: MIT
#include "process/namespace_pid.h"

#include "process/proc.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace forkmon {

pid_t tid_in_its_namespace(pid_t pid, pid_t tid) {
  // "NSpid:" lists the ids from the outermost namespace to the innermost (proc(5)).
  const auto status = read_proc_file(fmt::format("/proc/{}/task/{}/status", pid, tid), 65536);
  const auto line = status ? status->find("\nNSpid:") : std::string::npos;
  if (line == std::string::npos)
    return tid;
  const auto end = std::min(status->find('\n', line + 1), status->size());
  const auto last = status->find_last_of(" \t", end) + 1;
  pid_t inner = tid;
  std::from_chars(status->data() + last, status->data() + end, inner);
  return inner;
}

} // namespace forkmon
