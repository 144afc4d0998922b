// SPDX-License-Identifier: MIT
#include "process/activity.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace forkmon {
namespace {

struct Call {
  long number;
  Activity activity;
};

constexpr std::array calls{
    Call{SYS_wait4, Activity::waits_for_child},
    Call{SYS_waitid, Activity::waits_for_child},
    Call{SYS_rt_sigsuspend, Activity::waits_for_signal},
    Call{SYS_rt_sigtimedwait, Activity::waits_for_signal},
    Call{SYS_nanosleep, Activity::sleeps},
    Call{SYS_clock_nanosleep, Activity::sleeps},
#ifdef SYS_pause
    Call{SYS_pause, Activity::waits_for_signal},
#endif
};

Activity reading(std::string_view target) {
  if (target.starts_with("pipe:"))
    return Activity::reads_pipe;
  if (target.starts_with("socket:"))
    return Activity::reads_socket;
  return target.starts_with("anon_inode:") ? Activity::waits_for_input : Activity::reads_file;
}

Activity waiting(const WaitState& wait, std::string_view target) {
  if (wait.running)
    return Activity::runs;
  if (may_be_32_bit(wait)) // its numbers are others
    return Activity::waits;
  if (auto futex = endless_futex_wait(wait))
    return futex->is_private ? Activity::waits_for_lock : Activity::waits_for_shared_lock;
  if (read_descriptor(wait))
    return reading(target);
  if (waits_for_input(wait))
    return Activity::waits_for_input;
  const auto call = std::ranges::find(calls, wait.number, &Call::number);
  return call == calls.end() ? Activity::waits : call->activity;
}

std::string target_of(pid_t pid, int descriptor) {
  std::array<char, 64> target{}; // enough to tell a pipe from a socket
  const std::string link = fmt::format("/proc/{}/fd/{}", pid, descriptor);
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

} // namespace

Activity activity_of(char state, const std::optional<WaitState>& wait, std::string_view target) {
  switch (state) {
  case 'R':
    return Activity::runs;
  case 'D':
    return Activity::is_blocked;
  case 'T':
    return Activity::is_stopped;
  case 't':
    return Activity::is_traced;
  default:
    return wait ? waiting(*wait, target) : Activity::unknown;
  }
}

Activity activity_of(const ProcStat& process) {
  const auto text = read_file(fmt::format("/proc/{}/syscall", process.pid), 256);
  const auto wait = text ? parse_wait_state(*text) : std::nullopt;
  const auto descriptor = wait ? read_descriptor(*wait) : std::nullopt;
  return activity_of(process.state, wait,
                     descriptor ? target_of(process.pid, *descriptor) : std::string());
}

} // namespace forkmon
