// SPDX-License-Identifier: MIT
#include "sinks/process_stats.h"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace forkmon {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double resident_bytes() {
  double total_pages = 0;
  double resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double count_open_fds() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error)
    return 0;
  // One of them is the iteration's own.
  return static_cast<double>(std::distance(begin(entries), end(entries)) - 1);
}

// Field 22 of /proc/self/stat, in clock ticks since boot; field 3 follows the name's last ")".
double start_time() {
  std::ifstream file("/proc/self/stat");
  const std::string stat(std::istreambuf_iterator<char>(file), {});
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int number = 3; number < 22; ++number)
    fields >> field;
  double ticks = 0;
  fields >> ticks;
  const double boot = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace

ProcessStats ProcessStats::read() {
  static const double started = start_time(); // fixed, though the wall clock may be set
  return {.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
          .resident_memory_bytes = resident_bytes(),
          .open_fds = count_open_fds(),
          .start_time_seconds = started};
}

} // namespace forkmon
