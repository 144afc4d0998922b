// SPDX-License-Identifier: MIT
/// A function's bytes, cut into instructions.
#pragma once

#include "elf/instruction.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace forkmon {

/// More code than this is not decoded: no function of a library has so much.
constexpr std::size_t max_function_size = 1024 * 1024;

/// Calls visit(offset, size, instruction) for one instruction after the other. False where it
/// met bytes that are none, or where there is too much code.
using InstructionVisitor =
    std::function<void(std::size_t offset, std::size_t size, const Instruction& instruction)>;
bool disassemble(std::span<const std::byte> code, std::uint64_t vaddr, Machine machine,
                 const InstructionVisitor& visit);

/// "push rbx"; empty where `code` does not start with an instruction.
std::string instruction_text(std::span<const std::byte> code, std::uint64_t vaddr, Machine machine);

} // namespace forkmon
