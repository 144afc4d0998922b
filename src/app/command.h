// SPDX-License-Identifier: MIT
/// The command of `forkmon --trace -- CMD`.
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace forkmon {

/// A child process that waits before its exec, so that it can be armed first. Killed when it goes
/// unreleased.
class Command {
public:
  /// Forks. The caller must have a single thread: our own child obeys the rule that we watch for.
  static Result<Command> prepare(std::vector<std::string> arguments, const std::string& user);
  Command(Command&& other) noexcept;
  Command& operator=(Command&&) = delete;
  ~Command();

  pid_t pid() const { return pid_; }
  /// Readable when the command has ended (pidfd_open(2)).
  int pidfd() const { return pidfd_.get(); }

  /// Lets it exec. Fails with ENOENT or another errno when the kernel refuses.
  Status release();
  void forward(int signal) const;
  /// Reaps it: its exit status as a shell gives it, 128+N for signal N.
  int wait();

private:
  Command() = default;
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd go_;     ///< one byte written lets the child exec
  Fd failed_; ///< the errno of a failed exec arrives here
};

/// Exit status of a command that could not be run: 127 not found, 126 not executable.
int status_of_failed_exec(int error);

} // namespace forkmon
