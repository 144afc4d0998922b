// SPDX-License-Identifier: MIT
#include "http/connections.h"

#include <sys/socket.h>

namespace forkmon {

void Connections::opened(int fd, std::uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  opened_ns_[fd] = now_ns;
}

void Connections::closed(int fd) {
  const std::lock_guard lock(mutex_);
  opened_ns_.erase(fd);
}

void Connections::end_opened_before(std::uint64_t time_ns) {
  const std::lock_guard lock(mutex_);
  for (const auto& [fd, opened_ns] : opened_ns_)
    if (opened_ns < time_ns)
      shutdown(fd, SHUT_RDWR);
}

} // namespace forkmon
