// SPDX-License-Identifier: MIT
/// Where calls through a library's procedure linkage table go, even those to itself.
#pragma once

#include "elf/elf_file.h"

#include <cstdint>
#include <map>
#include <string>

namespace forkmon {

/// Names by the address of the pointer that the dynamic loader fills in (the GOT slot).
using LinkageSlots = std::map<std::uint64_t, std::string>;

/// Empty where the file has none, or is broken.
LinkageSlots read_linkage_slots(const ElfFile& file);

/// What the stub at `vaddr` jumps to; empty where no stub is there. `near` is a function of the
/// same code segment, which the stub is read relative to.
std::string stub_target(const ElfFile& file, const LinkageSlots& slots, const FunctionSymbol& near,
                        std::uint64_t vaddr);

} // namespace forkmon
