// SPDX-License-Identifier: MIT
/// A task that probe events can be opened on for their BPF program's sake alone: it runs no code
/// that is probed, never forks, never execs, and does not end before us.
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <sys/types.h>

namespace forkmon {

/// The kernel thread kthreadd, which runs no user code at all. In a container with a pid namespace
/// of its own that cannot be named: there it is a process of ours, which ends with us.
class Anchor {
public:
  static Result<Anchor> create();
  Anchor(Anchor&&) = default;
  Anchor& operator=(Anchor&&) = delete;
  ~Anchor();

  pid_t pid() const { return pid_; }

private:
  Anchor(pid_t pid, Fd held_open) : pid_(pid), held_open_(std::move(held_open)) {}
  static Result<Anchor> start_helper();

  pid_t pid_;
  Fd held_open_; ///< the helper ends when it is closed, also where we are killed; none for kthreadd
};

} // namespace forkmon
