// SPDX-License-Identifier: MIT
/// The files of one process in /proc, which belong to it and to no later process of its pid.
#pragma once

#include "process/wait_state.h"
#include "util/fd.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// What /proc/PID/task/TID/status and stat say of a thread.
struct ThreadStatus {
  char state = '?';
  bool is_worker = false;     ///< made by the kernel, as for io_uring: it runs no user code
  std::uint64_t switches = 0; ///< of the context, willing or not: unchanged, it has not run
  std::uint64_t caught = 0;   ///< SigCgt: bit N - 1 stands for signal N
  std::uint64_t blocked = 0;  ///< SigBlk
  pid_t tracer = 0;
};

class ProcDir {
public:
  /// Opens a directory such as /proc/PID. Nothing where there is none.
  static std::optional<ProcDir> open(const std::string& path);

  /// A file below it; nothing where the process or thread is gone.
  std::optional<std::string> read(const std::string& name, std::size_t limit) const;

  /// Threads, ended ones that nobody has waited for included. At most `max`.
  std::vector<pid_t> threads(std::size_t max) const;
  /// How many there are, without listing them; 0 when the process is gone.
  std::size_t thread_count() const;

  std::optional<WaitState> wait_state(pid_t tid) const;
  /// The same of the first thread, at the cost of one system call.
  std::optional<WaitState> first_wait_state() const;
  std::optional<ThreadStatus> status(pid_t tid) const;
  /// Only the number of context switches.
  std::optional<std::uint64_t> switches(pid_t tid) const;
  /// Only how often it has gone to sleep. A busy machine takes the CPU from a thread as well.
  std::optional<std::uint64_t> sleeps(pid_t tid) const;
  /// The kernel function that a thread waits in; empty where the kernel does not tell.
  std::string wait_channel(pid_t tid) const;

private:
  ProcDir(Fd directory, Fd syscall)
      : directory_(std::move(directory)), syscall_(std::move(syscall)) {}
  Fd directory_;
  Fd syscall_; ///< of the first thread
};

/// Takes in the text of a thread's `status` and `stat`. Nothing where they make no sense.
std::optional<ThreadStatus> parse_thread_status(std::string_view status, std::string_view stat);

} // namespace forkmon
