// SPDX-License-Identifier: MIT
#include "app/event_loop.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>

namespace forkmon {

Result<EventLoop> EventLoop::create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll)
    return Error::from_errno("cannot create an epoll instance", errno);
  return EventLoop(std::move(epoll));
}

Status EventLoop::watch(int fd, std::function<void()> on_ready) {
  return add(fd, EPOLLIN, std::move(on_ready));
}

Status EventLoop::watch_once(int fd, std::function<void()> on_ready) {
  return add(fd, EPOLLIN | EPOLLONESHOT, std::move(on_ready));
}

Status EventLoop::add(int fd, std::uint32_t events, std::function<void()> on_ready) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Error::from_errno("cannot wait for a file descriptor", errno);
  handlers_[fd] = std::move(on_ready);
  return ok();
}

Status EventLoop::on_signals(std::initializer_list<int> signals,
                             std::function<void(int)> on_signal) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals)
    sigaddset(&set, signal);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_)
    return Error::from_errno("cannot wait for signals", errno);
  return watch(signals_.get(), [fd = signals_.get(), on_signal = std::move(on_signal)] {
    signalfd_siginfo info{};
    if (read(fd, &info, sizeof(info)) == sizeof(info))
      on_signal(static_cast<int>(info.ssi_signo));
  });
}

Status EventLoop::every(std::chrono::milliseconds period, std::function<void()> on_tick) {
  timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec spec{};
  spec.it_interval.tv_nsec = std::chrono::nanoseconds(period).count();
  spec.it_value = spec.it_interval;
  if (!timer_ || timerfd_settime(timer_.get(), 0, &spec, nullptr) != 0)
    return Error::from_errno("cannot set a timer", errno);
  return watch(timer_.get(), [fd = timer_.get(), on_tick = std::move(on_tick)] {
    std::uint64_t expirations = 0;
    if (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
      on_tick();
  });
}

Status EventLoop::run() {
  std::array<epoll_event, 16> ready{};
  while (running_) {
    int count = epoll_wait(epoll_.get(), ready.data(), ready.size(), -1);
    if (count < 0 && errno != EINTR)
      return Error::from_errno("cannot wait for events", errno);
    for (int i = 0; i < count && running_; i++)
      handlers_.at(ready[static_cast<std::size_t>(i)].data.fd)();
  }
  return ok();
}

} // namespace forkmon
