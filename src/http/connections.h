// SPDX-License-Identifier: MIT
/// The server's open connections, to end those that take for ever.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

namespace forkmon {

/// For several threads.
class Connections {
public:
  void opened(int fd, std::uint64_t now_ns);
  /// Before the descriptor is closed.
  void closed(int fd);
  /// Shuts those down that were opened before; the server then closes them.
  void end_opened_before(std::uint64_t time_ns);

private:
  std::mutex mutex_;
  std::map<int, std::uint64_t> opened_ns_; ///< by descriptor
};

} // namespace forkmon
