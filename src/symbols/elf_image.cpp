// SPDX-License-Identifier: MIT
#include "symbols/elf_image.h"

#include "symbols/byte_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace forkmon {
namespace {

constexpr std::size_t kMaxSegments = 256;
constexpr std::size_t kMaxNoteBytes = 65536;
constexpr std::size_t kMaxBuildIdBytes = 64;
constexpr std::size_t kMaxNameBytes = 256;

#if defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
constexpr Elf64_Half kMachine = EM_X86_64;
#endif

constexpr unsigned char kByteOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

template <typename T>
bool read_table(const ElfImage& file, std::uint64_t offset, std::size_t count,
                std::vector<T>& table) {
  table.resize(count);
  return file.read(offset, {reinterpret_cast<std::uint8_t*>(table.data()), count * sizeof(T)});
}

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

} // namespace

Result<ElfImage> ElfImage::open(RegularFile file) {
  ElfImage elf;
  elf.fd_ = std::move(file.fd);
  elf.status_ = file.status;
  if (auto status = elf.read_header(); !status)
    return status.error();
  if (auto status = elf.read_tables(); !status)
    return status.error();
  elf.read_build_id();
  return elf;
}

bool ElfImage::read(std::uint64_t file_offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const auto size = pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(file_offset));
    if (size <= 0)
      return false;
    out = out.subspan(static_cast<std::size_t>(size));
    file_offset += static_cast<std::uint64_t>(size);
  }
  return true;
}

std::vector<std::uint8_t> ElfImage::read_some(std::uint64_t file_offset, std::size_t size) const {
  std::vector<std::uint8_t> bytes(size);
  const auto got = pread(fd_.get(), bytes.data(), size, static_cast<off_t>(file_offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

std::string ElfImage::string_at(std::uint64_t file_offset, std::size_t limit) const {
  const auto bytes = read_some(file_offset, limit);
  return {bytes.begin(), std::ranges::find(bytes, 0)};
}

Status ElfImage::read_header() {
  if (!read(0, {reinterpret_cast<std::uint8_t*>(&header_), sizeof header_}) ||
      std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0)
    return Error{"not an ELF file"};
  if (header_.e_ident[EI_CLASS] != ELFCLASS64 || header_.e_ident[EI_DATA] != kByteOrder ||
      header_.e_machine != kMachine)
    return Error{"an ELF file of another architecture"};
  if (header_.e_phnum > kMaxSegments)
    return Error{"corrupt ELF file: too many segments"};
  return ok();
}

Status ElfImage::read_tables() {
  if (header_.e_phnum != 0 && header_.e_phentsize != sizeof(Elf64_Phdr))
    return Error{"corrupt ELF file: segment header size"};
  if (!read_table(*this, header_.e_phoff, header_.e_phnum, segments_))
    return Error{"corrupt ELF file: segment headers beyond its end"};
  // Sections are not needed to unwind; a file without them is merely stripped.
  if (header_.e_shentsize != sizeof(Elf64_Shdr) ||
      !read_table(*this, header_.e_shoff, header_.e_shnum, sections_))
    sections_.clear();
  return ok();
}

void ElfImage::read_build_id() {
  for (const auto& segment : segments_)
    if (segment.p_type == PT_NOTE && build_id_.empty())
      find_build_id_in(segment);
}

void ElfImage::find_build_id_in(const Elf64_Phdr& notes) {
  const auto bytes =
      read_some(notes.p_offset, std::min<std::uint64_t>(notes.p_filesz, kMaxNoteBytes));
  const std::uint64_t alignment = notes.p_align == 8 ? 8 : 4;
  const auto padded = [&](std::uint64_t size) { return (size + alignment - 1) & ~(alignment - 1); };
  ByteReader reader(bytes);
  while (reader.ok() && !reader.at_end()) {
    const auto note = reader.number<Elf64_Nhdr>();
    const auto name = reader.take(padded(note.n_namesz));
    const auto content = reader.take(padded(note.n_descsz));
    if (reader.ok() && note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(name.data(), "GNU", 4) == 0 && note.n_descsz <= kMaxBuildIdBytes) {
      build_id_ = hexadecimal(content.first(note.n_descsz));
      return;
    }
  }
}

const Elf64_Shdr* ElfImage::section(const std::string& name) const {
  if (header_.e_shstrndx >= sections_.size())
    return nullptr;
  const auto& names = sections_[header_.e_shstrndx];
  for (const auto& section : sections_)
    if (section.sh_name < names.sh_size &&
        string_at(names.sh_offset + section.sh_name, kMaxNameBytes) == name)
      return &section;
  return nullptr;
}

std::optional<std::uint64_t> ElfImage::address_of(std::uint64_t file_offset) const {
  for (const auto& segment : segments_)
    if (segment.p_type == PT_LOAD && file_offset >= segment.p_offset &&
        file_offset - segment.p_offset < segment.p_filesz)
      return file_offset - segment.p_offset + segment.p_vaddr;
  return {};
}

std::optional<std::uint64_t> ElfImage::file_offset_of(std::uint64_t address) const {
  for (const auto& segment : segments_)
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz)
      return address - segment.p_vaddr + segment.p_offset;
  return {};
}

} // namespace forkmon
