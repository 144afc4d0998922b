// SPDX-License-Identifier: MIT
/// Bounded access to sections, for the files that implement ElfFile.
#pragma once

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace forkmon {

/// A section that claims more is not read: a sparse file may claim anything.
constexpr std::uint64_t max_section_size = 256 * 1024 * 1024;

/// A section's contents, or nullptr where they are missing, too large or not in the file.
inline Elf_Data* section_data(Elf_Scn* section) {
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
      header.sh_size > max_section_size)
    return nullptr;
  Elf_Data* data = elf_getdata(section, nullptr);
  return data && data->d_buf ? data : nullptr;
}

/// The longest string taken. Millions of symbols may all point into one endless string.
constexpr std::size_t max_string = 4096;

/// The string at `offset` of a string table; empty where it is not in there or has no end.
inline std::string_view string_at(const Elf_Data* strings, std::uint64_t offset) {
  if (!strings || offset >= strings->d_size)
    return {};
  const char* begin = static_cast<const char*>(strings->d_buf) + offset;
  const void* end = std::memchr(begin, 0, std::min(strings->d_size - offset, max_string));
  return end ? std::string_view(begin, static_cast<const char*>(end) - begin) : std::string_view();
}

/// The first section of a type, or nullptr.
inline Elf_Scn* find_section(Elf* elf, std::uint32_t type) {
  GElf_Shdr header;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;)
    if (gelf_getshdr(section, &header) && header.sh_type == type)
      return section;
  return nullptr;
}

/// The string table that a section's sh_link names, or nullptr.
inline Elf_Data* linked_strings(Elf* elf, Elf_Scn* section) {
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header))
    return nullptr;
  return section_data(elf_getscn(elf, header.sh_link));
}

} // namespace forkmon
