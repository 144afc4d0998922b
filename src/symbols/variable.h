// SPDX-License-Identifier: MIT
/// The variable that an address of a process lies in.
#pragma once

#include "process/address_space.h"
#include "symbols/module_cache.h"

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

struct Variable {
  std::string name;         ///< as people write it: "Logger::instance()::logger"
  std::uint64_t offset = 0; ///< of the address in it
  std::uint64_t size = 0;
};

/// A global or static variable, in initialised memory or not (.data, .bss), where the file or its
/// debug file has a symbol for it. Nothing for the heap and for stacks.
std::optional<Variable> variable_at(std::uint64_t address, const AddressSpace& space,
                                    ModuleCache& modules);

/// A demangled name as people write it: without the parameters of functions, and without the
/// number that compilers add to the static variables of a function.
std::string short_variable_name(const std::string& demangled);

} // namespace forkmon
