// SPDX-License-Identifier: MIT
/// Which library files have been scanned, and what the sensors were told of them.
#pragma once

#include "catalogue/function_table.h"
#include "libraries/library_scan.h"
#include "process/proc.h"
#include "sensors/map_reader.h"
#include "sensors/probes.h"
#include "util/result.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace forkmon {

/// Scans each library file once, and hands its sites to the probe sensor and its functions' code to
/// the page-fault sensor. A file that cannot be read is said in one line, counted, and left out.
class KnownLibraries {
public:
  /// `probes` may be null.
  KnownLibraries(BpfPrograms& programs, ProbeSensor* probes, FunctionTable& functions,
                 std::vector<UserFunction> user_functions)
      : programs_(programs), probes_(probes), functions_(functions),
        user_functions_(std::move(user_functions)) {}

  /// The C library that this program runs on and its loader: those of most processes of the system.
  /// Error: probes cannot be defined here.
  Status add_own();
  /// Libraries mapped by a process, deleted or in another mount namespace too: returns which files
  /// it has mapped executable. Error: the process is gone, or its maps cannot be read.
  Result<std::vector<FileId>> add_of(pid_t pid);
  /// The same of a process's map that was read before: it may be gone by now.
  std::vector<FileId> add(MapSnapshot snapshot);

  /// Libraries whose functions were handed to the probe sensor.
  std::size_t probed() const { return probed_; }
  /// Files scanned, and those that could not be, by reason.
  std::uint64_t scanned() const { return scanned_ok_; }
  const std::map<std::string, std::uint64_t>& errors() const { return errors_; }

private:
  void add(const MappedFile& file, Result<RegularFile> opened);
  Status add_library(const MappedFile& file, RegularFile opened, bool only_system);
  Status add_functions(const MappedFile& file, int fd, const LibraryScan& scan, const ElfFile& elf);
  std::vector<std::uint32_t> places_of(const MappedFile& file, const LibraryScan& scan);
  Status add_code(const MappedFile& file, const ElfFile& elf, const LibraryScan& scan,
                  const std::vector<std::uint32_t>& places);
  void note_error(const Error& error);

  static constexpr std::size_t max_known = 4096;
  BpfPrograms& programs_;
  ProbeSensor* probes_;
  FunctionTable& functions_;
  std::vector<UserFunction> user_functions_;
  std::set<FileId> known_;
  std::uint64_t scanned_ok_ = 0;
  std::size_t probed_ = 0;
  std::map<std::string, std::uint64_t> errors_;
  std::size_t lines_said_ = 0;
};

} // namespace forkmon
