// SPDX-License-Identifier: MIT
/// What `--check -p PID` says of a process's libraries: who provides its allocator and libc, and
/// who takes care of its locks across fork.
#pragma once

#include "libraries/library_scan.h"
#include "process/safe_open.h"

#include <span>
#include <string>
#include <vector>

namespace forkmon {

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

/// Adds a file that the process has mapped executable. `path` is as the process sees it.
void report_library(ProcessReport& report, const std::string& path, Result<RegularFile> file,
                    std::span<const UserFunction> user_functions = {});

} // namespace forkmon
