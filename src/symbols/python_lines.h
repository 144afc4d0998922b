// SPDX-License-Identifier: MIT
#pragma once

#include "symbols/python_layout.h"

#include <cstdint>
#include <span>

namespace forkmon {

/// The source line of an instruction, by a code object's table of lines. `offset` is in bytes from
/// its first instruction. 0: the table has no line for it.
int python_line(PythonLayout::Lines encoding, std::span<const std::uint8_t> table, int first_line,
                std::int64_t offset);

} // namespace forkmon
