// SPDX-License-Identifier: MIT
/// Children that stand still, to be looked at.
#pragma once

#include "process/proc.h"
#include "process/safe_open.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace forkmon {

/// A child, killed at the end.
class ChildProcess {
public:
  /// Runs `body` in a forked child.
  template <typename Body>
  static ChildProcess running(Body body) {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      body();
      _exit(0);
    }
    return ChildProcess(pid);
  }

  static ChildProcess executing(std::vector<std::string> arguments) {
    return running([&] {
      std::vector<char*> raw;
      for (auto& argument : arguments)
        raw.push_back(argument.data());
      raw.push_back(nullptr);
      execv(raw[0], raw.data());
    });
  }

  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  ~ChildProcess() {
    if (pid_ <= 0)
      return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

  /// Waits until the child is in that system call; false after ten seconds.
  bool wait_for_syscall(long number) const {
    for (int i = 0; i < 1000; ++i) {
      const auto text = read_proc_file(fmt::format("/proc/{}/syscall", pid_), 4096);
      if (text && text->starts_with(fmt::format("{} ", number)))
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  pid_t pid_;
};

} // namespace forkmon
