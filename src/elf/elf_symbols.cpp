// SPDX-License-Identifier: MIT
// Finding functions in the dynamic and the static symbol table.
#include "elf/elf_file.h"
#include "elf/elf_section.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace forkmon {
namespace {

/// Of a symbol table, no more is looked at.
constexpr std::size_t max_symbols = 2'000'000;

/// Of the places found, no more is kept. Honest files have one or two for a name.
constexpr std::size_t max_found = 10'000;

/// gABI's "hidden" bit of a version index: the version is not the one that new binaries bind to.
constexpr std::uint16_t version_hidden = 0x8000;

/// Static tables write the version into the name: "memcpy@@GLIBC_2.14" is the default one,
/// "memcpy@GLIBC_2.2.5" is not.
void split_version(std::string_view& name, bool& is_default) {
  std::size_t at = name.find('@');
  if (at == std::string_view::npos || at == 0)
    return;
  is_default = name.substr(at).starts_with("@@");
  name = name.substr(0, at);
}

} // namespace

struct ElfFile::Symbol {
  std::string_view name;
  GElf_Sym entry;
  bool is_default;

  bool is_function() const {
    int type = GELF_ST_TYPE(entry.st_info);
    return entry.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC);
  }
};

void ElfFile::for_each_symbol(std::uint32_t section_type, const SymbolVisitor& visit) const {
  Elf_Scn* section = find_section(elf_.get(), section_type);
  Elf_Data* table = section_data(section);
  Elf_Data* strings = linked_strings(elf_.get(), section);
  if (!table || !strings)
    return;
  bool is_dynamic = section_type == SHT_DYNSYM;
  Elf_Data* versions =
      is_dynamic ? section_data(find_section(elf_.get(), SHT_GNU_versym)) : nullptr;
  std::size_t count = std::min(table->d_size / sizeof(Elf64_Sym), max_symbols);
  for (std::size_t i = 0; i < count; ++i) {
    Symbol symbol{{}, {}, true};
    if (!gelf_getsym(table, static_cast<int>(i), &symbol.entry))
      return;
    symbol.name = string_at(strings, symbol.entry.st_name);
    GElf_Versym version = 0;
    if (versions && gelf_getversym(versions, static_cast<int>(i), &version))
      symbol.is_default = (version & version_hidden) == 0;
    if (!is_dynamic)
      split_version(symbol.name, symbol.is_default);
    if (!symbol.name.empty())
      visit(symbol);
  }
}

std::optional<FunctionSymbol> ElfFile::to_function(const Symbol& symbol) const {
  const Segment* code = code_at(symbol.entry.st_value);
  if (!code)
    return std::nullopt;
  std::uint64_t into = symbol.entry.st_value - code->vaddr;
  FunctionSymbol function;
  function.name = symbol.name;
  function.vaddr = symbol.entry.st_value;
  function.size = std::min<std::uint64_t>(symbol.entry.st_size, code->size - into);
  function.file_offset = code->offset + into;
  function.is_ifunc = GELF_ST_TYPE(symbol.entry.st_info) == STT_GNU_IFUNC;
  function.is_default = symbol.is_default;
  function.is_local = GELF_ST_BIND(symbol.entry.st_info) == STB_LOCAL;
  return function;
}

std::vector<FunctionSymbol> ElfFile::find(std::span<const std::string_view> names) const {
  std::unordered_map<std::string_view, std::size_t> order;
  std::size_t longest = 0; // spares hashing long names
  for (std::string_view name : names) {
    order.emplace(name, order.size());
    longest = std::max(longest, name.size());
  }
  std::vector<FunctionSymbol> found;
  auto take = [&](const Symbol& symbol) {
    bool is_wanted = symbol.name.size() <= longest && symbol.is_function() &&
                     found.size() < max_found && order.contains(symbol.name);
    if (auto function = is_wanted ? to_function(symbol) : std::nullopt)
      found.push_back(std::move(*function));
  };
  for_each_symbol(SHT_DYNSYM, take);
  for_each_symbol(SHT_SYMTAB, take);

  std::ranges::stable_sort(found, {}, [&](const FunctionSymbol& f) {
    return std::tuple(order.at(f.name), !f.is_default, f.is_local, f.vaddr);
  });
  // What both tables hold, and an old version's alias of the same address, is one place.
  std::set<std::pair<std::size_t, std::uint64_t>> seen;
  std::erase_if(found, [&](const FunctionSymbol& f) {
    return !seen.emplace(order.at(f.name), f.vaddr).second;
  });
  return found;
}

std::vector<FunctionSymbol> ElfFile::exported() const {
  std::vector<FunctionSymbol> found;
  std::set<std::uint64_t> seen;
  for_each_symbol(SHT_DYNSYM, [&](const Symbol& symbol) {
    if (!symbol.is_function() || found.size() >= max_found)
      return;
    auto function = to_function(symbol);
    if (function && seen.insert(function->vaddr).second)
      found.push_back(std::move(*function));
  });
  return found;
}

bool ElfFile::imports(std::string_view name) const {
  bool is_imported = false;
  for_each_symbol(SHT_DYNSYM, [&](const Symbol& symbol) {
    is_imported = is_imported || (symbol.entry.st_shndx == SHN_UNDEF && symbol.name == name);
  });
  return is_imported;
}

} // namespace forkmon
