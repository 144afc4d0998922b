// SPDX-License-Identifier: MIT
/// Waits for file descriptors, signals and a periodic tick (epoll(7), signalfd(2), timerfd(2)).
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>

namespace forkmon {

class EventLoop {
public:
  static Result<EventLoop> create();

  /// Calls `on_ready` whenever `fd` is readable. The fd stays the caller's.
  Status watch(int fd, std::function<void()> on_ready);
  /// Calls it the first time only: for a pidfd, which stays readable once its process has ended.
  Status watch_once(int fd, std::function<void()> on_ready);
  /// The signals must be blocked.
  Status on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal);
  Status every(std::chrono::milliseconds period, std::function<void()> on_tick);

  /// Runs until stop().
  Status run();
  void stop() { running_ = false; }

private:
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  Status add(int fd, std::uint32_t events, std::function<void()> on_ready);
  Fd epoll_;
  Fd signals_;
  Fd timer_;
  bool running_ = true;
  std::map<int, std::function<void()>> handlers_;
};

} // namespace forkmon
