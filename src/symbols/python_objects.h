// SPDX-License-Identifier: MIT
/// Reading CPython's strings out of memory that may be corrupt or hostile.
#pragma once

#include "symbols/memory_reader.h"
#include "symbols/python_layout.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forkmon {

/// A str object as UTF-8, its first 1,024 characters. None: it cannot be read, or is no such
/// object.
std::optional<std::string> read_python_string(MemoryReader& memory, const PythonLayout& layout,
                                              std::uint64_t object);

/// The contents of a bytes object of at most 256 KiB.
std::optional<std::vector<std::uint8_t>> read_python_bytes(MemoryReader& memory,
                                                           std::uint64_t object);

} // namespace forkmon
