// SPDX-License-Identifier: MIT
/// The debug information of one ELF file, as libdw reads it.
#pragma once

#include "symbols/elf_image.h"
#include "util/fd.h"

#include <elfutils/libdw.h>
#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace forkmon {

class DebugInfo {
public:
  /// What one file may take in memory.
  static constexpr std::uint64_t kMaxMemory = std::uint64_t{24} << 20;

  /// Without lines where the file has none, where they would take more memory than that, and where
  /// they are spread over several files (.dwo, dwz): libdw would open those by names that it finds.
  static DebugInfo open(const ElfImage& file);

  /// What libdw reads and decompresses of a file; 0 for one that open() leaves alone.
  static std::uint64_t memory_for(const ElfImage& file);

  std::uint64_t memory() const { return memory_; }

  /// "file:line" of an ELF address, or empty.
  std::string source_line(std::uint64_t address);

private:
  struct CloseElf {
    void operator()(Elf* elf) const { elf_end(elf); }
  };
  struct CloseDwarf {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };

  std::optional<Dwarf_Die> unit_of(std::uint64_t address);
  std::optional<Dwarf_Die> unit_by_index(std::uint64_t address);

  Fd fd_;
  std::unique_ptr<Elf, CloseElf> elf_;
  std::unique_ptr<Dwarf, CloseDwarf> dwarf_;
  std::uint64_t memory_ = 0;
};

} // namespace forkmon
