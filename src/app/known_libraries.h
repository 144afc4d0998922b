// SPDX-License-Identifier: MIT
/// Which library files have been scanned, and what the sensors were told of them.
#pragma once

#include "catalogue/function_table.h"
#include "libraries/library_scan.h"
#include "process/proc.h"
#include "sensors/map_reader.h"
#include "sensors/mapped_files.h"
#include "sensors/probes.h"
#include "util/result.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forkmon {

/// Scans each library file once, and hands its sites to the probe sensor and its functions' code to
/// the page-fault sensor. A file that cannot be read is said in one line, counted, and left out.
///
/// A file is known by what the kernel side sees of it (sensors/mapped_files.h): one file is one
/// library, whatever paths, mounts and layers of overlayfs lead to it.
class KnownLibraries {
public:
  /// What a process has mapped.
  struct Looked {
    std::vector<FileId> mapped; ///< executable
    /// The first ELF file of these that could not be read in full, and why: calls of functions in
    /// it are not seen. Files that are no ELF files are none.
    std::optional<std::string> unread;
    /// The process ended before all of them could be opened.
    bool ended = false;
  };

  /// `probes` may be null.
  KnownLibraries(BpfPrograms& programs, ProbeSensor* probes, FunctionTable& functions,
                 std::vector<UserFunction> user_functions)
      : programs_(programs), mapped_files_(programs), probes_(probes), functions_(functions),
        user_functions_(std::move(user_functions)) {}

  /// The C library that this program runs on and its loader: those of most processes of the system.
  /// Error: probes cannot be defined here.
  Status add_own();
  /// Libraries mapped by a process, deleted or in another mount namespace too. Error: the process
  /// is gone, or its maps cannot be read.
  Result<Looked> add_of(pid_t pid);
  /// The same of a process's map that was read before: it may be gone by now.
  Looked add(MapSnapshot snapshot);

  /// Libraries whose functions were handed to the probe sensor.
  std::size_t probed() const { return probed_; }
  /// Files scanned, and those that could not be, by reason.
  std::uint64_t scanned() const { return scanned_ok_; }
  const std::map<std::string, std::uint64_t>& errors() const { return errors_; }

private:
  std::optional<std::string> add(const MappedFile& file, Result<RegularFile> opened);
  Status add_library(const MappedFile& file, RegularFile opened, bool only_system);
  Status add_functions(const MappedFile& file, LibrarySites library, const LibraryScan& scan,
                       const ElfFile& elf);
  Status add_places(const MappedFile& file, const LibraryScan& scan,
                    std::vector<std::uint32_t>& places);
  Status add_code(const MappedFile& file, const ElfFile& elf, const LibraryScan& scan,
                  const std::vector<std::uint32_t>& places);
  void note_error(const Error& error);

  static constexpr std::size_t max_known = 4096;
  BpfPrograms& programs_;
  MappedFiles mapped_files_;
  ProbeSensor* probes_;
  FunctionTable& functions_;
  std::vector<UserFunction> user_functions_;
  std::map<FileId, std::optional<std::string>> known_; ///< why it could not be read in full
  std::uint64_t scanned_ok_ = 0;
  std::size_t probed_ = 0;
  std::map<std::string, std::uint64_t> errors_;
  std::size_t lines_said_ = 0;
};

} // namespace forkmon
