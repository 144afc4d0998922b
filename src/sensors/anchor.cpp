// SPDX-License-Identifier: MIT
#include "sensors/anchor.h"

#include "process/pid_namespace.h"
#include "process/proc.h"
#include "util/blocked_signals.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace forkmon {
namespace {

constexpr pid_t kthreadd = 2;

/// We may have threads by now, so it calls nothing but what signal-safety(7) allows. It holds no
/// other file of ours open, as it never execs.
[[noreturn]] void wait_for_end_of(int pipe) {
  constexpr int kept = 0;
  prctl(PR_SET_NAME, "forkmon-anchor");
  dup2(pipe, kept);
  syscall(SYS_close_range, kept + 1, ~0U, 0);
  char none = 0;
  while (read(kept, &none, 1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

} // namespace

Result<Anchor> Anchor::create() {
  auto own = own_pid_namespace();
  if (!own)
    return own.error();
  if (!own->sees_whole_host())
    return start_helper();
  auto stat = read_stat(kthreadd);
  if (!stat || !stat->is_kernel_thread)
    return Error{"process 2 is not the kernel's kthreadd, which probes are attached to"};
  return Anchor(kthreadd, Fd());
}

Result<Anchor> Anchor::start_helper() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return Error::from_errno("cannot make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const BlockedSignals blocked; // a Ctrl-C for us must not end the helper first
  const pid_t pid = fork();
  if (pid < 0)
    return Error::from_errno("cannot start a process that probes are attached to", errno);
  if (pid == 0)
    wait_for_end_of(reading.get());
  return Anchor(pid, std::move(writing));
}

Anchor::~Anchor() {
  if (!held_open_)
    return;
  held_open_ = Fd();
  waitpid(pid_, nullptr, 0);
}

} // namespace forkmon
