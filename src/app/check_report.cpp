// SPDX-License-Identifier: MIT
#include "app/check_report.h"

#include "libraries/process_report.h"
#include "process/proc.h"
#include "sensors/check.h"
#include "util/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace forkmon {
namespace {

void print(const SensorCheck& check) {
  fmt::print("{:<11} {:<8} {}\n", check.sensor, check.usable ? "usable" : "missing", check.detail);
  if (!check.usable)
    fmt::print("{:<20} without it: {}\n", "", check.cost);
}

/// Of the files that the process has mapped, as many as anybody reads.
ProcessReport report_on(const std::vector<MappedFile>& files, pid_t pid) {
  constexpr std::size_t max_files = 1024;
  ProcessReport report;
  for (std::size_t i = 0; i < std::min(files.size(), max_files); i++)
    report_library(report, files[i].path, open_mapped(files[i], pid));
  return report;
}

/// The C library that this program runs on, and what of the catalogue is in it.
void print_catalogue() {
  auto files = mapped_files(getpid());
  if (!files)
    return;
  for (const auto& [provider, path] : report_on(*files, getpid()).providers)
    if (provider.kind == ProviderKind::libc)
      fmt::print("{:<11} {:<8} {} functions of {} ({} {}); {} entries are not in it\n", "catalogue",
                 "usable", provider.functions, path, provider.name, provider.version,
                 provider.absent);
}

/// Who provides what in a process, and who repairs its locks across fork.
Status print_process(pid_t pid) {
  auto files = mapped_files(pid);
  if (!files)
    return files.error();
  const ProcessReport report = report_on(*files, pid);
  for (const auto& [provider, path] : report.providers)
    fmt::print("{:<11} {}{}{}: {} functions in {}; {}\n", "provider", provider.name,
               provider.version.empty() ? "" : " ", provider.version, provider.functions,
               for_terminal(path), to_text(provider.handlers));
  for (const std::string& path : report.other_handlers)
    fmt::print("{:<11} {} registers some, too\n", "at-fork", for_terminal(path));
  for (const std::string& why : report.unreadable)
    fmt::print("{:<11} {}\n", "unread", for_terminal(why));
  return ok();
}

} // namespace

int report_check(std::optional<pid_t> pid) {
  auto checks = check_sensors();
  for (const SensorCheck& check : checks)
    print(check);
  print_catalogue();
  if (Status looked = pid ? print_process(*pid) : ok(); !looked) {
    fmt::print(stderr, "forkmon: {}\n", looked.error().message);
    return 1;
  }
  auto stops = [](const SensorCheck& check) { return check.required && !check.usable; };
  return std::any_of(checks.begin(), checks.end(), stops) ? 1 : 0;
}

} // namespace forkmon
