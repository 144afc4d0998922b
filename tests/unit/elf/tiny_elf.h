// SPDX-License-Identifier: MIT
/// The smallest shared library with symbols, for tests to break in one place.
#pragma once

#include "elf/machine.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace forkmon {

/// Headers first, then the contents in the order of the members. `bytes()` puts it together.
struct TinyElf {
  enum Section { null, text, dynsym, dynstr, versym, verdef, dynamic, section_count };

  static constexpr std::uint64_t base = 0x10000; ///< vaddr of the file's first byte

  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections;
  std::vector<std::string> contents; ///< of each section

  TinyElf() {
    contents.resize(section_count);
    contents[text] = std::string(64, '\x90');
    contents[dynstr] = std::string("\0malloc\0free\0tiny.so\0GLIBC_2.36\0imported\0", 42);
    add_symbol(0, 0, 0, 0, 0, 0);
    add_symbol(1, STT_FUNC, STB_GLOBAL, 1, 0, 16);         // malloc
    add_symbol(8, STT_FUNC, STB_GLOBAL, 1, 16, 8, 0x8002); // free, an old version
    add_symbol(8, STT_FUNC, STB_GLOBAL, 1, 32, 8);         // free
    add_symbol(32, STT_FUNC, STB_GLOBAL, 0, 0, 0);         // imported
    Elf64_Verdef definition{1, 0, 2, 1, 0, sizeof(Elf64_Verdef), 0};
    Elf64_Verdaux name{21, 0};
    append(verdef, &definition, sizeof definition);
    append(verdef, &name, sizeof name);
    add_dynamic(DT_SONAME, 13);
    add_dynamic(DT_NULL, 0);
    lay_out();
  }

  void append(Section section, const void* data, std::size_t size) {
    contents[section].append(static_cast<const char*>(data), size);
  }

  void add_dynamic(std::int64_t tag, std::uint64_t value) {
    Elf64_Dyn entry{tag, {value}};
    append(dynamic, &entry, sizeof entry);
  }

  /// `into`: offset in the text section.
  void add_symbol(std::uint32_t name, int type, int bind, std::uint16_t section, std::uint64_t into,
                  std::uint64_t size, std::uint16_t version = 2) {
    Elf64_Sym symbol{};
    symbol.st_name = name;
    symbol.st_info = static_cast<unsigned char>(ELF64_ST_INFO(bind, type));
    symbol.st_shndx = section;
    symbol.st_value = base + text_offset() + into;
    symbol.st_size = size;
    append(dynsym, &symbol, sizeof symbol);
    append(versym, &version, sizeof version);
  }

  static constexpr std::uint64_t text_offset() {
    return sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + section_count * sizeof(Elf64_Shdr);
  }

  /// Makes the headers fit the contents.
  void lay_out() {
    sections.assign(section_count, Elf64_Shdr{});
    std::uint64_t offset = text_offset();
    set_section(text, SHT_PROGBITS, 0, 0, offset);
    set_section(dynsym, SHT_DYNSYM, dynstr, sizeof(Elf64_Sym), offset);
    set_section(dynstr, SHT_STRTAB, 0, 0, offset);
    set_section(versym, SHT_GNU_versym, dynsym, 2, offset);
    set_section(verdef, SHT_GNU_verdef, dynstr, 0, offset);
    set_section(dynamic, SHT_DYNAMIC, dynstr, sizeof(Elf64_Dyn), offset);
    segments = {{PT_LOAD, PF_R | PF_X, 0, base, base, offset, offset, 0x1000}};
    set_header();
  }

  std::string bytes() const {
    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    for (const Elf64_Phdr& segment : segments)
      file.append(reinterpret_cast<const char*>(&segment), sizeof segment);
    for (const Elf64_Shdr& section : sections)
      file.append(reinterpret_cast<const char*>(&section), sizeof section);
    for (const std::string& content : contents)
      file += padded(content);
    return file;
  }

private:
  static std::string padded(std::string content) {
    content.resize((content.size() + 7) / 8 * 8);
    return content;
  }

  void set_section(Section index, std::uint32_t type, std::uint32_t link, std::uint64_t entry_size,
                   std::uint64_t& offset) {
    Elf64_Shdr& section = sections[index];
    section.sh_type = type;
    section.sh_link = link;
    section.sh_entsize = entry_size;
    section.sh_offset = offset;
    section.sh_size = contents[index].size();
    section.sh_addralign = 8;
    offset += padded(contents[index]).size();
  }

  void set_header() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_machine = native_machine() == Machine::x86_64 ? EM_X86_64 : EM_AARCH64;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    header.e_shoff = sizeof header + sizeof(Elf64_Phdr);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = section_count;
  }
};

} // namespace forkmon
