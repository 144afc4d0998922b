// SPDX-License-Identifier: MIT
#include "app/service.h"

#include "util/time.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace forkmon {

Service::Service() {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) > 0)
    watchdog_period_ns_ = usec * 1000 / 3; // half of it is what sd_watchdog_enabled(3) asks for
}

void Service::ready() {
  sd_notify(0, "READY=1");
}

void Service::reloading() {
  sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_now_ns() / 1000).c_str());
}

void Service::stopping() {
  sd_notify(0, "STOPPING=1");
}

void Service::tick(std::uint64_t now_ns) {
  if (watchdog_period_ns_ == 0 || now_ns - last_fed_ns_ < watchdog_period_ns_)
    return;
  last_fed_ns_ = now_ns;
  sd_notify(0, "WATCHDOG=1");
}

void Service::status(const std::string& line) {
  if (line == status_)
    return;
  status_ = line;
  sd_notify(0, ("STATUS=" + line).c_str());
}

} // namespace forkmon
