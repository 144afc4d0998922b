// SPDX-License-Identifier: MIT
/// One ELF file that processes have mapped: its unwind information and symbols.
#pragma once

#include "symbols/cfi_table.h"
#include "symbols/elf_image.h"
#include "symbols/symbol_table.h"

#include <cstdint>
#include <optional>
#include <string>

namespace forkmon {

class Module {
public:
  /// `debug_file` is a separate file with the same build id, where there is one.
  Module(ElfImage file, std::optional<ElfImage> debug_file);

  const ElfImage& file() const { return file_; }

  /// The file that may have source lines.
  const ElfImage& debug_file() const { return debug_file_ ? *debug_file_ : file_; }

  /// Bytes of memory that grow with the file.
  std::size_t memory() const;

  /// Rules to find the caller of the code at an ELF address.
  std::optional<FrameRules> rules_at(std::uint64_t address) const;

  /// The function that covers an ELF address.
  std::optional<Symbol> symbol_at(std::uint64_t address) const;

  /// The variable that covers an ELF address. Reads the file's symbols anew.
  std::optional<DataSymbol> data_at(std::uint64_t address) const;

private:
  ElfImage file_;
  std::optional<ElfImage> debug_file_;
  CfiTable cfi_;
  SymbolTable symbols_; ///< the full table: of the file, else of the debug file
  bool symbols_are_of_debug_file_ = false;
  SymbolTable dynamic_symbols_;
};

/// The separate debug file of an ELF file: by its build id in /usr/lib/debug/.build-id, or by its
/// .gnu_debuglink next to it, in .debug, and in /usr/lib/debug (GDB manual, "Separate Debug
/// Files"). Looked for in the root of the process and here. `path` is the ELF file's own.
std::optional<ElfImage> find_debug_file(const ElfImage& file, const std::string& path, pid_t pid);

} // namespace forkmon
