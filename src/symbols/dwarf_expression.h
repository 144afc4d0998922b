// SPDX-License-Identifier: MIT
/// Evaluating the DWARF expressions that call frame information holds (DWARF 5, 2.5 and 6.4.2).
#pragma once

#include "symbols/memory_reader.h"
#include "symbols/registers.h"

#include <cstdint>
#include <optional>
#include <span>

namespace forkmon {

/// The value on top of the stack at the end. `initial` is on it at the start, where there is one.
/// None: the expression is malformed, too long, has an operator that frames do not use, needs a
/// register that is not known, or reads memory that cannot be read.
std::optional<std::uint64_t> evaluate_expression(std::span<const std::uint8_t> expression,
                                                 const Registers& registers, MemoryReader& memory,
                                                 std::optional<std::uint64_t> initial);

} // namespace forkmon
