// SPDX-License-Identifier: MIT
/// What the service manager is told: sd_notify(3). Without one, nobody is.
#pragma once

#include <cstdint>
#include <string>

namespace forkmon {

class Service {
public:
  Service();

  /// The agent watches, for the first time or after reloading().
  void ready();
  void reloading();
  void stopping();
  /// To be called from the loop that has to go on: feeds the watchdog when it is time to.
  void tick(std::uint64_t now_ns);
  /// One line for `systemctl status`; sent when it changes.
  void status(const std::string& line);

private:
  std::uint64_t watchdog_period_ns_ = 0; ///< 0: there is no watchdog
  std::uint64_t last_fed_ns_ = 0;
  std::string status_;
};

} // namespace forkmon
