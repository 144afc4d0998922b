// SPDX-License-Identifier: MIT
#include "http/connections.h"

#include <sys/socket.h>

namespace forkmon {

void Connections::opened(int fd, std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  started_ns_[fd] = now_ns;
}

void Connections::answered(int fd, std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (auto found = started_ns_.find(fd); found != started_ns_.end())
    found->second = now_ns;
}

void Connections::closed(int fd) {
  const std::lock_guard lock(mutex_);
  started_ns_.erase(fd);
}

void Connections::end_started_before(std::uint64_t time_ns) {
  const std::lock_guard lock(mutex_);
  for (const auto& [fd, started_ns] : started_ns_)
    if (started_ns < time_ns)
      shutdown(fd, SHUT_RDWR);
}

} // namespace forkmon
