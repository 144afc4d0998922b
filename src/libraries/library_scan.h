// SPDX-License-Identifier: MIT
/// From a library file to the places in it that are worth a probe.
#pragma once

#include "catalogue/catalogue.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace forkmon {

/// A catalogue function as one library file has it.
struct FoundFunction {
  const CatalogueEntry* entry = nullptr; ///< in the catalogue, which lives for ever
  std::uint64_t offset = 0; ///< in the file, of the instruction to probe (elf/site_planner.h)
  bool is_emulated = false; ///< the kernel emulates that instruction: a cheap probe
};

/// What a scan found in a C library.
struct LibraryScan {
  LibcVersion version;
  std::vector<FoundFunction> functions; ///< each address once, under the catalogue's first name
  std::size_t absent = 0;               ///< entries that this library does not export
  std::size_t unprobable = 0;           ///< found, but the kernel refuses a probe there
};

/// Reads the file at `path`. Success without functions: it is no C library.
Result<LibraryScan> scan_library(const std::string& path);

} // namespace forkmon
