// SPDX-License-Identifier: MIT
#include "symbols/python_lines.h"

#include "symbols/byte_reader.h"

namespace forkmon {
namespace {

/// Pairs of address and line increments; a line holds until the next address.
int line_by_lnotab(std::span<const std::uint8_t> table, std::int64_t line, std::int64_t offset) {
  std::int64_t address = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    address += table[i];
    if (address > offset)
      break;
    line += static_cast<std::int8_t>(table[i + 1]);
  }
  return static_cast<int>(line);
}

/// Pairs of the size of a range and the line increment before it; -128 is "no line".
int line_by_linetable(std::span<const std::uint8_t> table, std::int64_t line, std::int64_t offset) {
  std::int64_t end = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    const auto increment = static_cast<std::int8_t>(table[i + 1]);
    line += increment == -128 ? 0 : increment;
    end += table[i];
    if (offset < end)
      return increment == -128 ? 0 : static_cast<int>(line);
  }
  return 0;
}

/// Six bits a byte, the lowest first, while bit 6 is set; the lowest bit of all is the sign.
std::int64_t signed_varint(ByteReader& reader) {
  std::uint64_t value = 0;
  std::uint8_t byte = 0x40;
  for (unsigned shift = 0; (byte & 0x40) != 0 && shift < 36; shift += 6) {
    byte = reader.number<std::uint8_t>();
    value |= static_cast<std::uint64_t>(byte & 0x3f) << shift;
  }
  const auto magnitude = static_cast<std::int64_t>(value >> 1);
  return (value & 1) != 0 ? -magnitude : magnitude;
}

/// Entries start with a byte that has bit 7 set: four bits of kind and three of length.
int line_by_locations(std::span<const std::uint8_t> table, std::int64_t line, std::int64_t offset) {
  constexpr int kNoColumns = 13;
  constexpr int kLong = 14;
  constexpr int kNoLine = 15;
  std::int64_t end = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if ((table[i] & 0x80) == 0)
      continue;
    const int kind = table[i] >> 3 & 15;
    ByteReader reader(table.subspan(i + 1));
    if (kind == kNoColumns || kind == kLong)
      line += signed_varint(reader);
    else if (kind >= 10 && kind <= 12)
      line += kind - 10;
    end += ((table[i] & 7) + 1) * 2;
    if (offset < end)
      return kind == kNoLine ? 0 : static_cast<int>(line);
  }
  return 0;
}

} // namespace

int python_line(PythonLayout::Lines encoding, std::span<const std::uint8_t> table, int first_line,
                std::int64_t offset) {
  switch (encoding) {
  case PythonLayout::Lines::lnotab:
    return line_by_lnotab(table, first_line, offset);
  case PythonLayout::Lines::linetable:
    return line_by_linetable(table, first_line, offset);
  case PythonLayout::Lines::locations:
    return line_by_locations(table, first_line, offset);
  }
  return 0;
}

} // namespace forkmon
