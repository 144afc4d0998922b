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
  /// A request has been answered: its time starts anew.
  void answered(int fd, std::uint64_t now_ns);
  /// Before the descriptor is closed.
  void closed(int fd);
  /// Shuts those down whose time started before; the server then closes them.
  void end_started_before(std::uint64_t time_ns);

private:
  std::mutex mutex_;
  std::map<int, std::uint64_t> started_ns_; ///< by descriptor
};

} // namespace forkmon
