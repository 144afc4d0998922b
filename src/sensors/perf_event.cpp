// SPDX-License-Identifier: MIT
#include "sensors/perf_event.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>

namespace forkmon {

Result<Fd> open_tracepoint(std::uint64_t event_id, pid_t tid, Inheritance inheritance) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.size = sizeof(attr);
  attr.config = event_id;
  attr.sample_period = 1;
  attr.inherit = inheritance != Inheritance::none;
  attr.remove_on_exec = inheritance == Inheritance::until_exec;
  int cpu = tid == -1 ? 0 : -1;
  auto fd = syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0)
    return Error::from_errno(fmt::format("cannot open a perf event on thread {}", tid), errno);
  return Fd(static_cast<int>(fd));
}

Status attach_program(const Fd& event, int program_fd) {
  if (ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program_fd) != 0)
    return Error::from_errno("cannot attach the BPF program to a uprobe event", errno);
  return ok();
}

} // namespace forkmon
