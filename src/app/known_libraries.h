// SPDX-License-Identifier: MIT
/// Which library files have been scanned, and their probes.
#pragma once

#include "catalogue/function_table.h"
#include "libraries/library_scan.h"
#include "process/proc.h"
#include "sensors/probes.h"
#include "util/result.h"

#include <set>

namespace forkmon {

/// Scans each library file once and hands its sites to the probe sensor.
class KnownLibraries {
public:
  KnownLibraries(ProbeSensor& probes, FunctionTable& functions)
      : probes_(probes), functions_(functions) {}

  /// The C library that this program runs on: that of most processes of the system.
  Status add_own();
  /// Libraries mapped by a process, deleted or in another mount namespace too.
  Status add_of(pid_t pid);

private:
  Status add(const MappedFile& file, const std::string& openable);
  Status add_sites(const MappedFile& file, const std::string& openable, const LibraryScan& scan);

  static constexpr std::size_t max_scanned = 4096;
  ProbeSensor& probes_;
  FunctionTable& functions_;
  std::set<FileId> scanned_;
};

} // namespace forkmon
