// SPDX-License-Identifier: MIT
/// Which bytes of a file belong to the functions that a scan found in it.
#pragma once

#include "libraries/library_scan.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace forkmon {

/// Bytes of a file.
struct FunctionCode {
  std::uint64_t start = 0;  ///< in the file
  std::uint64_t end = 0;    ///< of the last byte, plus one
  std::size_t function = 0; ///< index into LibraryScan::functions
};

/// Sorted and without overlaps. Of a C library also the code without a symbol that only these
/// functions run: _int_malloc counts as malloc.
std::vector<FunctionCode> code_of(const ElfFile& file, const LibraryScan& scan);

} // namespace forkmon
