// SPDX-License-Identifier: MIT
#include "libraries/call_stubs.h"

#include "elf/machine.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

namespace forkmon {
namespace {

constexpr std::size_t max_sections = 4096;
constexpr std::size_t max_slots = 200'000;
constexpr std::size_t max_name = 256;
constexpr std::size_t stub_bytes = 16;

/// `count` structs at `offset`, or none where the file does not hold them all.
template <typename T>
std::vector<T> read_array(const ElfFile& file, std::uint64_t offset, std::uint64_t count) {
  if (count == 0 || count > SIZE_MAX / sizeof(T))
    return {};
  auto bytes = file.read(offset, count * sizeof(T));
  if (!bytes)
    return {};
  std::vector<T> array(count);
  std::memcpy(array.data(), bytes->data(), bytes->size());
  return array;
}

std::vector<Elf64_Shdr> read_sections(const ElfFile& file) {
  auto header = read_array<Elf64_Ehdr>(file, 0, 1);
  if (header.empty() || header[0].e_shentsize != sizeof(Elf64_Shdr) ||
      header[0].e_shnum > max_sections)
    return {};
  return read_array<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum);
}

bool fills_slot(const Elf64_Rela& relocation) {
  const auto type = ELF64_R_TYPE(relocation.r_info);
  return native_machine() == Machine::x86_64
             ? type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT
             : type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

/// The dynamic symbols' names, by index.
class SymbolNames {
public:
  SymbolNames(const ElfFile& file, std::span<const Elf64_Shdr> sections) {
    auto table = std::ranges::find(sections, Elf64_Word{SHT_DYNSYM}, &Elf64_Shdr::sh_type);
    if (table == sections.end() || table->sh_link >= sections.size())
      return;
    const Elf64_Shdr& strings = sections[table->sh_link];
    symbols_ = read_array<Elf64_Sym>(file, table->sh_offset, table->sh_size / sizeof(Elf64_Sym));
    strings_ = read_array<char>(file, strings.sh_offset, strings.sh_size);
  }

  std::string at(std::uint64_t index) const {
    if (index >= symbols_.size() || symbols_[index].st_name >= strings_.size())
      return {};
    const std::size_t start = symbols_[index].st_name;
    const char* name = strings_.data() + start;
    return {name, strnlen(name, std::min(strings_.size() - start, max_name))};
  }

private:
  std::vector<Elf64_Sym> symbols_;
  std::vector<char> strings_;
};

template <typename T>
T load(std::span<const std::byte> code, std::size_t offset) {
  T value;
  std::memcpy(&value, code.data() + offset, sizeof value);
  return value;
}

/// `[endbr64] [bnd] jmp *slot(%rip)`; 0 for other code.
std::uint64_t slot_of_x86(std::span<const std::byte> code, std::uint64_t vaddr) {
  constexpr std::uint32_t endbr64 = 0xfa1e0ff3;
  std::size_t at = load<std::uint32_t>(code, 0) == endbr64 ? 4 : 0;
  at += code[at] == std::byte{0xf2} ? 1 : 0;
  if (code[at] != std::byte{0xff} || code[at + 1] != std::byte{0x25})
    return 0;
  return vaddr + at + 6 + static_cast<std::uint64_t>(load<std::int32_t>(code, at + 2));
}

/// `adrp x16, page; ldr x17, [x16, #offset]`; 0 for other code.
std::uint64_t slot_of_arm64(std::span<const std::byte> code, std::uint64_t vaddr) {
  const auto adrp = load<std::uint32_t>(code, 0);
  const auto ldr = load<std::uint32_t>(code, 4);
  if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
    return 0;
  const std::uint64_t pages = ((adrp >> 5U) & 0x7ffff) << 2U | ((adrp >> 29U) & 3);
  const std::uint64_t distance = (pages ^ 0x100000) - 0x100000; // 21 bits with a sign
  return (vaddr & ~0xfffULL) + (distance << 12U) + ((ldr >> 10U) & 0xfff) * 8ULL;
}

} // namespace

LinkageSlots read_linkage_slots(const ElfFile& file) {
  LinkageSlots slots;
  const std::vector<Elf64_Shdr> sections = read_sections(file);
  const SymbolNames names(file, sections);
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_RELA)
      continue;
    for (const Elf64_Rela& relocation :
         read_array<Elf64_Rela>(file, section.sh_offset, section.sh_size / sizeof(Elf64_Rela)))
      if (fills_slot(relocation) && slots.size() < max_slots)
        slots.emplace(relocation.r_offset, names.at(ELF64_R_SYM(relocation.r_info)));
  }
  return slots;
}

std::string stub_target(const ElfFile& file, const LinkageSlots& slots, const FunctionSymbol& near,
                        std::uint64_t vaddr) {
  auto code = file.read(near.file_offset + (vaddr - near.vaddr), stub_bytes);
  if (!code)
    return {};
  const auto slot =
      native_machine() == Machine::x86_64 ? slot_of_x86(*code, vaddr) : slot_of_arm64(*code, vaddr);
  auto found = slots.find(slot);
  return found == slots.end() ? std::string() : found->second;
}

} // namespace forkmon
