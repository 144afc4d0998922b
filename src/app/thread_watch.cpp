// SPDX-License-Identifier: MIT
#include "app/thread_watch.h"

#include "app/privileges.h"

#include <poll.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <functional>

namespace forkmon {
namespace {

/// Ahead of the processes that are watched, on a busy machine too: it runs for some microseconds
/// when one starts its first thread. Where this is not allowed, it comes a little later.
void prefer_this_thread() {
  sched_param lowest_realtime{};
  lowest_realtime.sched_priority = 1;
  (void)sched_setscheduler(0, SCHED_FIFO, &lowest_realtime);
}

/// Calls `on_ready` whenever `fd` is readable, until `stop` is.
void until_stopped(int fd, int stop, const std::function<void()>& on_ready) {
  prefer_this_thread();
  if (auto dropped = drop_start_privileges(); !dropped)
    spdlog::warn("{}", dropped.error().message);
  std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  while ((fds[1].revents & POLLIN) == 0)
    if (poll(fds.data(), fds.size(), -1) > 0) // else EINTR
      on_ready();
}

} // namespace

Result<std::unique_ptr<ThreadWatch>> ThreadWatch::start(BpfPrograms& programs, ProbeSensor& probes,
                                                        MapReader& maps, bool holds) {
  Fd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop)
    return Error::from_errno("cannot create an eventfd", errno);
  return std::unique_ptr<ThreadWatch>(
      new ThreadWatch(programs, probes, maps, holds, std::move(stop)));
}

ThreadWatch::ThreadWatch(BpfPrograms& programs, ProbeSensor& probes, MapReader& maps, bool holds,
                         Fd stop)
    : programs_(programs), probes_(probes), maps_(maps), stop_(std::move(stop)),
      reader_([this] { read_maps(); }) {
  if (holds)
    holder_ = std::thread([this] { hold_processes(); });
}

ThreadWatch::~ThreadWatch() {
  const std::uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));
  if (holder_.joinable())
    holder_.join();
  reader_.join();
}

/// Fails for a process that has ended, or where too many are held: its counts are then not exact.
void ThreadWatch::hold_processes() {
  until_stopped(programs_.threaded_fd(), stop_.get(), [this] {
    programs_.consume_threaded([this](pid_t pid) {
      if (auto held = probes_.hold(pid); !held)
        spdlog::debug("process {} is not held: {}", pid, held.error().message);
    });
  });
}

void ThreadWatch::read_maps() {
  until_stopped(maps_.told_fd(), stop_.get(), [this] { maps_.read(); });
}

} // namespace forkmon
