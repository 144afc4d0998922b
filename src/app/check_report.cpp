// SPDX-License-Identifier: MIT
#include "app/check_report.h"

#include "libraries/library_scan.h"
#include "process/proc.h"
#include "sensors/check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace forkmon {
namespace {

void print(const SensorCheck& check) {
  fmt::print("{:<10} {:<8} {}\n", check.sensor, check.usable ? "usable" : "missing", check.detail);
  if (!check.usable)
    fmt::print("{:<19} without it: {}\n", "", check.cost);
}

/// The C library that this program runs on, and what of the catalogue is in it.
void print_catalogue() {
  auto files = mapped_files(getpid());
  if (!files)
    return;
  for (const MappedFile& file : *files) {
    auto scan = scan_library(file.path);
    if (!scan || scan->functions.empty())
      continue;
    fmt::print("{:<10} {:<8} {} functions of {} (glibc {}.{}); {} entries are not in it\n",
               "catalogue", "usable", scan->functions.size(), file.path, scan->version.major,
               scan->version.minor, scan->absent);
  }
}

} // namespace

int report_check() {
  auto checks = check_sensors();
  for (const SensorCheck& check : checks)
    print(check);
  print_catalogue();
  auto stops = [](const SensorCheck& check) { return check.required && !check.usable; };
  return std::any_of(checks.begin(), checks.end(), stops) ? 1 : 0;
}

} // namespace forkmon
