// SPDX-License-Identifier: MIT
/// The function symbols of one symbol section, compactly: names stay in the file.
#pragma once

#include "symbols/elf_image.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forkmon {

/// A symbol that covers an address.
struct Symbol {
  std::string name; ///< as in the file, without a version
  std::uint64_t address = 0;
};

class SymbolTable {
public:
  /// Reads the section of type SHT_SYMTAB or SHT_DYNSYM; empty where there is none. At most one
  /// million symbols are taken.
  static SymbolTable of(const ElfImage& file, std::uint32_t section_type);

  bool empty() const { return entries_.empty(); }
  std::size_t memory() const { return entries_.capacity() * sizeof(Entry); }

  /// The function that covers an ELF address. `file` is the one that the table was made of.
  std::optional<Symbol> find(const ElfImage& file, std::uint64_t address) const;

private:
  struct Entry {
    std::uint64_t address;
    std::uint32_t size;
    std::uint32_t name; ///< offset in the string table
  };

  void read_functions(const ElfImage& file, const Elf64_Shdr& section);
  void keep_one_name_per_address(const ElfImage& file);
  std::string name_of(const ElfImage& file, const Entry& entry) const;

  std::uint64_t strings_offset_ = 0;
  std::uint64_t strings_size_ = 0;
  std::vector<Entry> entries_; ///< by address
};

/// A variable that covers an address.
struct DataSymbol {
  std::string name; ///< as in the file, without a version
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// The smallest variable of a section of type SHT_SYMTAB or SHT_DYNSYM that covers an ELF address.
/// Reads the section once, and keeps nothing: it is for an address now and then.
std::optional<DataSymbol> data_symbol_at(const ElfImage& file, std::uint32_t section_type,
                                         std::uint64_t address);

/// The ELF address of a data symbol that the file exports, such as an interpreter's state.
std::optional<std::uint64_t> find_data_symbol(const ElfImage& file, const std::string& name);

} // namespace forkmon
