// SPDX-License-Identifier: MIT
#include "libraries/process_report.h"

#include <algorithm>

namespace forkmon {
namespace {

void add(ProcessReport& report, const MappedLibrary& file, const LibraryScan& scan) {
  for (const FoundProvider& provider : scan.providers)
    report.providers.push_back({provider, file.path});
  if (scan.registers_handlers && scan.providers.empty())
    report.other_handlers.push_back(file.path);
}

} // namespace

ProcessReport report_libraries(std::span<const MappedLibrary> files,
                               std::span<const UserFunction> user_functions) {
  ProcessReport report;
  for (const MappedLibrary& file : files.first(std::min(files.size(), max_reported_files))) {
    auto scan = scan_library(file.openable, file.path, user_functions);
    if (scan)
      add(report, file, *scan);
    else
      report.unreadable.push_back(scan.error().message);
  }
  return report;
}

} // namespace forkmon
