// SPDX-License-Identifier: MIT
#include "sensors/perf_event.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <fstream>

namespace forkmon {
namespace {

constexpr std::uint64_t keeps_contexts_apart = PERF_SAMPLE_READ | PERF_SAMPLE_TID;

long open_event(perf_event_attr& attr, pid_t tid, int cpu) {
  return syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

} // namespace

bool can_keep_contexts_apart() {
  static const bool can = [] {
    perf_event_attr attr{};
    attr.type = PERF_TYPE_SOFTWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.inherit = 1;
    attr.sample_type = keeps_contexts_apart;
    return static_cast<bool>(Fd(static_cast<int>(open_event(attr, 0, -1))));
  }();
  return can;
}

bool perf_events_need_admin() {
  int level = 0;
  std::ifstream("/proc/sys/kernel/perf_event_paranoid") >> level;
  return level > 2;
}

Result<Fd> open_tracepoint(std::uint64_t event_id, pid_t tid, Inheritance inheritance) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.size = sizeof(attr);
  attr.config = event_id;
  attr.sample_period = 1;
  attr.inherit = inheritance != Inheritance::none;
  attr.remove_on_exec = inheritance == Inheritance::until_exec;
  if (attr.inherit && can_keep_contexts_apart())
    attr.sample_type = keeps_contexts_apart;
  int cpu = tid == -1 ? 0 : -1;
  auto fd = open_event(attr, tid, cpu);
  if (fd >= 0)
    return Fd(static_cast<int>(fd));
  const int error = errno;
  if (error == EACCES && perf_events_need_admin())
    return Error{"perf events need CAP_SYS_ADMIN while kernel.perf_event_paranoid is above 2"};
  return Error::from_errno(fmt::format("cannot open a perf event on thread {}", tid), error);
}

Status attach_program(const Fd& event, int program_fd) {
  if (ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program_fd) != 0)
    return Error::from_errno("cannot attach the BPF program to a uprobe event", errno);
  return ok();
}

} // namespace forkmon
