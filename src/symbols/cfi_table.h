// SPDX-License-Identifier: MIT
/// Finding the call frame information of an address in .eh_frame, through the search table that
/// linkers put into .eh_frame_hdr (Linux Standard Base, "Exception Frames").
#pragma once

#include "symbols/cfi_program.h"
#include "symbols/elf_image.h"

#include <cstdint>
#include <optional>

namespace forkmon {

class CfiTable {
public:
  /// A table without entries where the file has no search table.
  static CfiTable of(const ElfImage& file);

  /// The rules at an ELF address. None: no function covers it, or its entry is malformed.
  std::optional<FrameRules> rules_at(const ElfImage& file, std::uint64_t address) const;

private:
  std::optional<std::uint64_t> entry_for(const ElfImage& file, std::uint64_t address) const;

  std::uint64_t header_address_ = 0; ///< of .eh_frame_hdr, what the table's offsets are relative to
  std::uint64_t table_offset_ = 0;   ///< in the file
  std::uint64_t entries_ = 0;
};

} // namespace forkmon
