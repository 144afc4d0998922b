// SPDX-License-Identifier: MIT
#include "symbols/debug_info.h"

#include <dwarf.h>
#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr int kMaxUnits = 20000;
constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::uint64_t kTooMuch = DebugInfo::kMaxMemory + 1;

/// libdw reads all of a section, and keeps it next to what it decompresses it to.
std::uint64_t section_memory(const ElfImage& file, const Elf64_Shdr& section) {
  const auto size = std::min(section.sh_size, kTooMuch);
  if ((section.sh_flags & SHF_COMPRESSED) == 0)
    return size;
  Elf64_Chdr header{};
  if (!file.read(section.sh_offset, {reinterpret_cast<std::uint8_t*>(&header), sizeof header}))
    return kTooMuch;
  return size + std::min(header.ch_size, kTooMuch);
}

/// Sections that libdw leaves alone: it reads those that are named .debug_*, and names themselves.
bool is_left_alone(const Elf64_Shdr& section) {
  return section.sh_type == SHT_NOBITS || section.sh_type == SHT_SYMTAB ||
         (section.sh_flags & SHF_ALLOC) != 0;
}

/// Skeletons are left alone, because libdw would open the .dwo file that they name.
bool covers(Dwarf_Die& unit, std::uint64_t address) {
  std::uint8_t type = 0;
  if (dwarf_cu_info(unit.cu, nullptr, &type, nullptr, nullptr, nullptr, nullptr, nullptr) != 0)
    return false;
  return (type == DW_UT_compile || type == DW_UT_partial) && dwarf_haspc(&unit, address) == 1;
}

} // namespace

std::uint64_t DebugInfo::memory_for(const ElfImage& file) {
  if (file.section(".debug_line") == nullptr || file.section(".gnu_debugaltlink") != nullptr)
    return 0;
  std::uint64_t total = 0;
  for (const auto& section : file.sections())
    if (!is_left_alone(section))
      total += section_memory(file, section);
  return total <= kMaxMemory ? total : 0;
}

DebugInfo DebugInfo::open(const ElfImage& file) {
  DebugInfo info;
  info.memory_ = memory_for(file);
  if (info.memory_ == 0)
    return info;
  elf_version(EV_CURRENT);
  // Not ELF_C_READ_MMAP: whoever truncates a mapped file kills those who look at it.
  info.fd_.reset(fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  info.elf_.reset(elf_begin(info.fd_.get(), ELF_C_READ, nullptr));
  if (info.elf_)
    info.dwarf_.reset(dwarf_begin_elf(info.elf_.get(), DWARF_C_READ, nullptr));
  return info;
}

std::string DebugInfo::source_line(std::uint64_t address) {
  auto unit = dwarf_ ? unit_of(address) : std::nullopt;
  Dwarf_Line* line = unit ? dwarf_getsrc_die(&*unit, address) : nullptr;
  const char* path = line != nullptr ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
  int number = 0;
  if (path == nullptr || dwarf_lineno(line, &number) != 0 || number <= 0)
    return {};
  return fmt::format("{}:{}", std::string(path).substr(0, kMaxPathBytes), number);
}

std::optional<Dwarf_Die> DebugInfo::unit_of(std::uint64_t address) {
  if (const auto unit = unit_by_index(address))
    return unit;
  Dwarf_Die unit;
  Dwarf_Off offset = 0;
  Dwarf_Off next = 0;
  std::size_t header = 0;
  for (int i = 0; i < kMaxUnits; ++i, offset = next) {
    if (dwarf_nextcu(dwarf_.get(), offset, &next, &header, nullptr, nullptr, nullptr) != 0 ||
        next <= offset)
      return {};
    if (dwarf_offdie(dwarf_.get(), offset + header, &unit) != nullptr && covers(unit, address))
      return unit;
  }
  return {};
}

/// The index of address ranges, which gcc writes and clang does not.
std::optional<Dwarf_Die> DebugInfo::unit_by_index(std::uint64_t address) {
  Dwarf_Die unit;
  Dwarf_Aranges* ranges = nullptr;
  Dwarf_Off offset = 0;
  if (dwarf_getaranges(dwarf_.get(), &ranges, nullptr) != 0)
    return {};
  Dwarf_Arange* range = dwarf_getarange_addr(ranges, address);
  if (range == nullptr || dwarf_getarangeinfo(range, nullptr, nullptr, &offset) != 0 ||
      dwarf_offdie(dwarf_.get(), offset, &unit) == nullptr || !covers(unit, address))
    return {};
  return unit;
}

} // namespace forkmon
