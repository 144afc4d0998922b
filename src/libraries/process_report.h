// SPDX-License-Identifier: MIT
/// What `--check -p PID` says of a process's libraries: who provides its allocator and libc, and
/// who takes care of its locks across fork.
#pragma once

#include "libraries/library_scan.h"

#include <span>
#include <string>
#include <vector>

namespace forkmon {

/// A file that a process has mapped executable.
struct MappedLibrary {
  std::string path;     ///< as the process sees it
  std::string openable; ///< a path of ours that opens it
};

struct ProviderReport {
  FoundProvider provider;
  std::string path;
};

struct ProcessReport {
  std::vector<ProviderReport> providers;
  /// Paths of the other files that register at-fork handlers.
  std::vector<std::string> other_handlers;
  /// Files that could not be read, and why.
  std::vector<std::string> unreadable;
};

/// Reads each of the files; at most max_reported_files of them.
constexpr std::size_t max_reported_files = 1024;
ProcessReport report_libraries(std::span<const MappedLibrary> files,
                               std::span<const UserFunction> user_functions = {});

} // namespace forkmon
