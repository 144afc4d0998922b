// SPDX-License-Identifier: MIT
#include "symbols/symbol_table.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace forkmon {
namespace {

constexpr std::uint64_t kMaxSymbols = 1000000;
constexpr std::size_t kChunk = 2048;
constexpr std::size_t kMaxNameBytes = 4096;

// Names of one variable that are compared.
constexpr std::size_t kMaxAliases = 8;

// How far before an address a symbol that covers it may start, counted in symbols.
constexpr int kMaxNesting = 16;

const Elf64_Shdr* section_of_type(const ElfImage& file, std::uint32_t type) {
  const auto section = std::ranges::find(file.sections(), type, &Elf64_Shdr::sh_type);
  if (section == file.sections().end() || section->sh_entsize != sizeof(Elf64_Sym) ||
      section->sh_link >= file.sections().size())
    return nullptr;
  return &*section;
}

/// Calls `visit` for each symbol of a section until it returns false.
template <typename Visitor>
void for_each_symbol(const ElfImage& file, const Elf64_Shdr& section, Visitor visit) {
  const auto count = std::min(section.sh_size / sizeof(Elf64_Sym), kMaxSymbols);
  std::vector<Elf64_Sym> chunk(kChunk);
  for (std::uint64_t first = 0; first < count; first += kChunk) {
    chunk.resize(std::min<std::uint64_t>(kChunk, count - first));
    if (!file.read(
            section.sh_offset + first * sizeof(Elf64_Sym),
            {reinterpret_cast<std::uint8_t*>(chunk.data()), chunk.size() * sizeof(Elf64_Sym)}))
      return;
    for (const auto& symbol : chunk)
      if (!visit(symbol))
        return;
  }
}

bool is_function(const Elf64_Sym& symbol) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF &&
         symbol.st_value != 0;
}

bool is_variable(const Elf64_Sym& symbol) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_OBJECT || type == STT_COMMON) && symbol.st_shndx != SHN_UNDEF;
}

/// Of several names for one place, people know the one with the fewest underscores, and then the
/// shortest: pause rather than __libc_pause, __libc_start_main rather than __libc_start_main_impl.
bool is_better_known(const std::string& name, const std::string& than) {
  const auto rank = [](const std::string& text) {
    return std::pair(std::min(text.find_first_not_of('_'), text.size()), text.size());
  };
  return rank(name) < rank(than);
}

} // namespace

SymbolTable SymbolTable::of(const ElfImage& file, std::uint32_t section_type) {
  SymbolTable table;
  const auto* section = section_of_type(file, section_type);
  if (section == nullptr)
    return table;
  const auto& strings = file.sections()[section->sh_link];
  table.strings_offset_ = strings.sh_offset;
  table.strings_size_ = strings.sh_size;
  table.read_functions(file, *section);
  table.keep_one_name_per_address(file);
  return table;
}

void SymbolTable::read_functions(const ElfImage& file, const Elf64_Shdr& section) {
  for_each_symbol(file, section, [&](const Elf64_Sym& symbol) {
    if (is_function(symbol) && symbol.st_name < strings_size_) {
      const auto size =
          std::min<std::uint64_t>(symbol.st_size, std::numeric_limits<std::uint32_t>::max());
      entries_.push_back({symbol.st_value, static_cast<std::uint32_t>(size), symbol.st_name});
    }
    return true;
  });
  std::ranges::stable_sort(entries_, {}, &Entry::address);
}

void SymbolTable::keep_one_name_per_address(const ElfImage& file) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (kept == 0 || entries_[kept - 1].address != entries_[i].address) {
      entries_[kept++] = entries_[i];
      continue;
    }
    Entry& other = entries_[kept - 1];
    if (other.size == 0 || is_better_known(name_of(file, entries_[i]), name_of(file, other)))
      other = entries_[i];
  }
  entries_.resize(kept);
  entries_.shrink_to_fit();
}

std::string SymbolTable::name_of(const ElfImage& file, const Entry& entry) const {
  const auto limit = std::min<std::uint64_t>(kMaxNameBytes, strings_size_ - entry.name);
  const auto name = file.string_at(strings_offset_ + entry.name, limit);
  return name.substr(0, name.find('@'));
}

std::optional<Symbol> SymbolTable::find(const ElfImage& file, std::uint64_t address) const {
  auto entry = std::ranges::upper_bound(entries_, address, {}, &Entry::address);
  for (int i = 0; i < kMaxNesting && entry != entries_.begin(); ++i) {
    --entry;
    // Assembly may give no size: such a symbol reaches up to the next one.
    const bool covers = entry->size == 0 ? i == 0 : address - entry->address < entry->size;
    if (covers)
      return Symbol{name_of(file, *entry), entry->address};
  }
  return {};
}

std::optional<DataSymbol> data_symbol_at(const ElfImage& file, std::uint32_t section_type,
                                         std::uint64_t address) {
  const auto* section = section_of_type(file, section_type);
  if (section == nullptr)
    return {};
  const auto& strings = file.sections()[section->sh_link];
  std::vector<Elf64_Sym> covering; // names of one variable: nearly always one
  for_each_symbol(file, *section, [&](const Elf64_Sym& symbol) {
    if (!is_variable(symbol) || symbol.st_name >= strings.sh_size || address < symbol.st_value ||
        address - symbol.st_value >= symbol.st_size)
      return true;
    if (!covering.empty() && symbol.st_size < covering.front().st_size)
      covering.clear();
    if (covering.size() < kMaxAliases &&
        (covering.empty() || symbol.st_size == covering.front().st_size))
      covering.push_back(symbol);
    return true;
  });
  std::optional<DataSymbol> best;
  for (const auto& symbol : covering) {
    const auto limit = std::min<std::uint64_t>(kMaxNameBytes, strings.sh_size - symbol.st_name);
    auto name = file.string_at(strings.sh_offset + symbol.st_name, limit);
    name.resize(std::min(name.find('@'), name.size()));
    if (!best || is_better_known(name, best->name))
      best = DataSymbol{std::move(name), symbol.st_value, symbol.st_size};
  }
  return best;
}

std::optional<std::uint64_t> find_data_symbol(const ElfImage& file, const std::string& name) {
  std::optional<std::uint64_t> address;
  for (const std::uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    const auto* section = section_of_type(file, type);
    if (section == nullptr)
      continue;
    const auto& strings = file.sections()[section->sh_link];
    for_each_symbol(file, *section, [&](const Elf64_Sym& symbol) {
      if (ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT && symbol.st_shndx != SHN_UNDEF &&
          symbol.st_name < strings.sh_size &&
          file.string_at(strings.sh_offset + symbol.st_name, name.size() + 1) == name)
        address = symbol.st_value;
      return !address;
    });
    if (address)
      return address;
  }
  return {};
}

} // namespace forkmon
