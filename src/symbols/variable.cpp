// SPDX-License-Identifier: MIT
#include "symbols/variable.h"

#include "symbols/demangle.h"

#include <algorithm>
#include <string_view>

namespace forkmon {
namespace {

/// .bss may lie in several mappings that follow the file's, where somebody changed the protection
/// of a part.
constexpr int max_parts_of_bss = 4;
constexpr int max_mappings_of_file = 64;

/// The mapping of the file that has the address in a segment: its own, or, for what is beyond the
/// end of the file, one that ends where its own begins. Null for other memory.
const Mapping* file_mapping_for(std::uint64_t address, const AddressSpace& space) {
  const Mapping* mapping = space.find(address);
  for (int i = 0; i < max_parts_of_bss && mapping != nullptr && mapping->inode == 0; i++) {
    const bool has_name = !mapping->path.empty(); // as the heap, which may follow .bss
    mapping = has_name || mapping->start == 0 ? nullptr : space.find(mapping->start - 1);
  }
  return mapping != nullptr && mapping->inode != 0 ? mapping : nullptr;
}

/// How far above its own addresses the file is loaded: by the mapping of its first byte, which all
/// others of a load follow.
std::optional<std::uint64_t> load_bias(const Mapping& mapping, const AddressSpace& space,
                                       const ElfImage& file) {
  const auto first_vaddr = file.address_of(0);
  if (!first_vaddr)
    return {};
  const Mapping* at = &mapping;
  for (int i = 0; i < max_mappings_of_file && at >= space.mappings().data(); i++, at--)
    if (at->inode == mapping.inode && at->dev == mapping.dev && at->file_offset == 0)
      return at->start - *first_vaddr;
  return {};
}

bool is_variable_memory(std::uint64_t elf_address, const ElfImage& file) {
  return std::ranges::any_of(file.segments(), [&](const Elf64_Phdr& segment) {
    return segment.p_type == PT_LOAD && (segment.p_flags & PF_W) != 0 &&
           elf_address >= segment.p_vaddr && elf_address - segment.p_vaddr < segment.p_memsz;
  });
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The index after the bracket that closes the one at `open`.
std::size_t after_brackets(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); i++) {
    depth += text[i] == '(' ? 1 : 0;
    depth -= text[i] == ')' ? 1 : 0;
    if (depth == 0)
      return i + 1;
  }
  return text.size();
}

} // namespace

std::string short_variable_name(const std::string& demangled) {
  const std::string_view name = demangled;
  constexpr std::string_view unnamed = "(anonymous namespace)";
  std::string text;
  for (std::size_t i = 0; i < name.size();) {
    const bool is_parameters = name[i] == '(' && !name.substr(i).starts_with(unnamed);
    const std::size_t next = name[i] == '(' ? after_brackets(name, i) : i + 1;
    text += is_parameters ? "()" : name.substr(i, next - i);
    i = next;
  }
  const auto dot = text.rfind('.');
  if (dot != std::string::npos && dot > 0 && is_number(std::string_view(text).substr(dot + 1)))
    text.erase(dot);
  return text;
}

std::optional<Variable> variable_at(std::uint64_t address, const AddressSpace& space,
                                    ModuleCache& modules) {
  const Mapping* mapping = file_mapping_for(address, space);
  if (mapping == nullptr)
    return {};
  const auto module = modules.get(space, *mapping);
  if (!module)
    return {};
  const auto bias = load_bias(*mapping, space, (*module)->file());
  const std::uint64_t elf_address = address - bias.value_or(0);
  if (!bias || !is_variable_memory(elf_address, (*module)->file()))
    return {};
  const auto symbol = (*module)->data_at(elf_address);
  if (!symbol || symbol->name.empty())
    return {};
  return Variable{short_variable_name(demangle(symbol->name)), elf_address - symbol->address,
                  symbol->size};
}

} // namespace forkmon
