// SPDX-License-Identifier: MIT
/// Which library files have been scanned, and what the sensors were told of them.
#pragma once

#include "catalogue/function_table.h"
#include "libraries/library_scan.h"
#include "process/proc.h"
#include "sensors/probes.h"
#include "util/result.h"

#include <set>

namespace forkmon {

/// Scans each library file once, and hands its sites to the probe sensor and its functions' code to
/// the page-fault sensor.
class KnownLibraries {
public:
  /// `probes` may be null.
  KnownLibraries(BpfPrograms& programs, ProbeSensor* probes, FunctionTable& functions)
      : programs_(programs), probes_(probes), functions_(functions) {}

  /// The C library that this program runs on: that of most processes of the system.
  Status add_own();
  /// Libraries mapped by a process, deleted or in another mount namespace too.
  Status add_of(pid_t pid);

private:
  Status add(const MappedFile& file, const std::string& openable);
  Status add_functions(const MappedFile& file, const std::string& openable,
                       const LibraryScan& scan);
  std::vector<FunctionId> name_functions(const MappedFile& file, const LibraryScan& scan);
  void add_code(const MappedFile& file, const std::string& openable, const LibraryScan& scan,
                const std::vector<FunctionId>& ids);

  static constexpr std::size_t max_scanned = 4096;
  BpfPrograms& programs_;
  ProbeSensor* probes_;
  FunctionTable& functions_;
  std::set<FileId> scanned_;
};

} // namespace forkmon
