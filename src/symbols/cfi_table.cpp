// SPDX-License-Identifier: MIT
#include "symbols/cfi_table.h"

#include "symbols/byte_reader.h"

#include <dwarf.h>

#include <algorithm>

namespace forkmon {
namespace {

// Compilers make entries of some dozen bytes; generated code has a few of some thousand.
constexpr std::size_t kUsualEntryBytes = 512;
constexpr std::size_t kMaxEntryBytes = 65536;

// The only form in which linkers write the search table: two 32-bit offsets from .eh_frame_hdr.
constexpr std::uint8_t kTableEncoding = DW_EH_PE_datarel | DW_EH_PE_sdata4;

struct TableEntry {
  std::int32_t function;
  std::int32_t description;
};

/// The contents of a CIE or FDE, after its length.
struct Entry {
  std::uint64_t address = 0; ///< ELF address of the first byte of `bytes`
  std::vector<std::uint8_t> bytes;
};

std::optional<Entry> read_entry(const ElfImage& file, std::uint64_t address) {
  const auto offset = file.file_offset_of(address);
  if (!offset)
    return {};
  auto bytes = file.read_some(*offset, kUsualEntryBytes);
  // A length of 0 ends the section, 0xffffffff announces the 64-bit form that nobody emits.
  const auto length = ByteReader(bytes).number<std::uint32_t>();
  if (length == 0 || length > kMaxEntryBytes)
    return {};
  if (bytes.size() < length + std::size_t{4})
    bytes = file.read_some(*offset, length + std::size_t{4});
  if (bytes.size() < length + std::size_t{4})
    return {};
  return Entry{address + 4, {bytes.begin() + 4, bytes.begin() + 4 + length}};
}

/// A pointer as `encoding` has it, at `address`. Only what compilers use for code addresses.
std::uint64_t read_pointer(ByteReader& reader, std::uint8_t encoding, std::uint64_t address) {
  std::uint64_t value = 0;
  switch (encoding & 0x0f) {
  case DW_EH_PE_absptr:
  case DW_EH_PE_udata8:
  case DW_EH_PE_sdata8:
    value = reader.number<std::uint64_t>();
    break;
  case DW_EH_PE_udata4:
    value = reader.number<std::uint32_t>();
    break;
  case DW_EH_PE_sdata4:
    value = static_cast<std::uint64_t>(std::int64_t{reader.number<std::int32_t>()});
    break;
  case DW_EH_PE_udata2:
    value = reader.number<std::uint16_t>();
    break;
  case DW_EH_PE_sdata2:
    value = static_cast<std::uint64_t>(std::int64_t{reader.number<std::int16_t>()});
    break;
  default:
    reader.seek(~std::uint64_t{0});
  }
  return (encoding & 0x70) == DW_EH_PE_pcrel ? value + address : value;
}

/// The letters after 'z' say what the augmentation data holds.
bool read_augmentation(std::string_view letters, ByteReader reader, CommonEntry& common) {
  for (const char letter : letters) {
    if (letter == 'R')
      common.pointer_encoding = reader.number<std::uint8_t>();
    else if (letter == 'P')
      read_pointer(reader, reader.number<std::uint8_t>() & 0x0f, 0);
    else if (letter == 'L')
      reader.number<std::uint8_t>();
    else if (letter == 'S')
      common.is_signal_frame = true;
    else if (letter != 'B')
      return false;
  }
  return reader.ok();
}

std::optional<CommonEntry> parse_common(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  CommonEntry common;
  const auto id = reader.number<std::uint32_t>();
  const auto version = reader.number<std::uint8_t>();
  std::string augmentation;
  while (const char letter = reader.number<char>())
    augmentation += letter;
  common.code_alignment = reader.uleb();
  common.data_alignment = reader.sleb();
  const auto return_column = version == 1 ? reader.number<std::uint8_t>() : reader.uleb();
  if (!reader.ok() || id != 0 || (version != 1 && version != 3) ||
      return_column != kArchitecture.return_address)
    return {};
  common.has_augmentation_data = augmentation.starts_with('z');
  if (common.has_augmentation_data) {
    const ByteReader data(reader.take(reader.uleb()));
    if (!read_augmentation(std::string_view(augmentation).substr(1), data, common))
      return {};
  } else if (!augmentation.empty()) {
    return {};
  }
  common.instructions = reader.take(reader.left());
  return common;
}

} // namespace

CfiTable CfiTable::of(const ElfImage& file) {
  CfiTable table;
  const auto segment =
      std::ranges::find(file.segments(), Elf64_Word{PT_GNU_EH_FRAME}, &Elf64_Phdr::p_type);
  if (segment == file.segments().end())
    return table;
  const auto bytes = file.read_some(segment->p_offset, 32);
  ByteReader reader(bytes);
  const auto version = reader.number<std::uint8_t>();
  const auto frame_encoding = reader.number<std::uint8_t>();
  const auto count_encoding = reader.number<std::uint8_t>();
  const auto table_encoding = reader.number<std::uint8_t>();
  read_pointer(reader, frame_encoding, 0);
  const auto count = read_pointer(reader, count_encoding, 0);
  if (!reader.ok() || version != 1 || table_encoding != kTableEncoding)
    return table;
  const auto size = static_cast<std::uint64_t>(file.status().st_size);
  table.header_address_ = segment->p_vaddr;
  table.table_offset_ = segment->p_offset + reader.position();
  table.entries_ = std::min(count, size / sizeof(TableEntry));
  return table;
}

std::optional<std::uint64_t> CfiTable::entry_for(const ElfImage& file,
                                                 std::uint64_t address) const {
  std::uint64_t first = 0;
  std::uint64_t last = entries_; // the entry sought is in [first, last)
  TableEntry found{};
  const auto absolute = [&](std::int32_t offset) {
    return header_address_ + static_cast<std::uint64_t>(std::int64_t{offset});
  };
  while (first < last) {
    const std::uint64_t middle = first + (last - first) / 2;
    TableEntry entry{};
    if (!file.read(table_offset_ + middle * sizeof entry,
                   {reinterpret_cast<std::uint8_t*>(&entry), sizeof entry}))
      return {};
    if (absolute(entry.function) <= address) {
      found = entry;
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first == 0 ? std::nullopt : std::optional(absolute(found.description));
}

std::optional<FrameRules> CfiTable::rules_at(const ElfImage& file, std::uint64_t address) const {
  const auto entry_address = entry_for(file, address);
  const auto entry = entry_address ? read_entry(file, *entry_address) : std::nullopt;
  if (!entry)
    return {};
  ByteReader reader(entry->bytes);
  // The first word is the distance from itself back to the CIE.
  const auto distance = reader.number<std::uint32_t>();
  const auto common_entry = read_entry(file, entry->address - distance);
  const auto common = common_entry ? parse_common(common_entry->bytes) : std::nullopt;
  if (!common)
    return {};
  const auto start = read_pointer(reader, common->pointer_encoding, entry->address + 4);
  const auto size = read_pointer(reader, common->pointer_encoding & 0x0f, 0);
  if (common->has_augmentation_data)
    reader.take(reader.uleb());
  if (!reader.ok() || address < start || address - start >= size)
    return {};
  return run_frame_program(*common, reader.take(reader.left()), start, address);
}

} // namespace forkmon
