// SPDX-License-Identifier: MIT
#include "util/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace forkmon {
namespace {

constexpr std::string_view replacement = "\uFFFD";
constexpr std::string_view ellipsis = "…";

struct Range {
  char32_t first;
  char32_t last;
};

// Sorted. Controls, format characters, line separators, fillers, combining marks and variation
// selectors, private use: what has no look of its own, or changes how the text around it looks.
constexpr Range misleading[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x00AD, 0x00AD},   {0x0300, 0x036F},    {0x061C, 0x061C},
    {0x115F, 0x1160}, {0x180B, 0x180F}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},    {0x200B, 0x200F},
    {0x2028, 0x202E}, {0x2060, 0x206F}, {0x20D0, 0x20FF},   {0x3164, 0x3164},    {0xE000, 0xF8FF},
    {0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},   {0xFEFF, 0xFEFF},    {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0x1D173, 0x1D17A}, {0xE0000, 0x10FFFF},
};

// Sorted. The wide blocks of Unicode's EastAsianWidth.txt, coarsely: enough for columns.
constexpr Range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1B000, 0x1B2FF}, {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD},
};

template <std::size_t N>
bool is_in(const Range (&ranges)[N], char32_t code) {
  const Range* range =
      std::lower_bound(std::begin(ranges), std::end(ranges), code,
                       [](const Range& r, char32_t value) { return r.last < value; });
  return range != std::end(ranges) && range->first <= code;
}

struct Character {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};

std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return 2;
  if (lead >= 0xE0 && lead <= 0xEF)
    return 3;
  return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

// The first character of a text that is not empty. An invalid one is one byte long.
Character first_character(std::string_view text) {
  static constexpr unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  static constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = sequence_length(lead);
  if (length == 0 || length > text.size())
    return {lead, 1, false};
  char32_t code = lead & lead_bits[length];
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80)
      return {lead, 1, false};
    code = code << 6 | (byte & 0x3F);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < smallest[length] || code > 0x10FFFF || is_surrogate)
    return {lead, 1, false};
  return {code, length, true};
}

std::string shown(const Character& character, std::string_view bytes) {
  if (!character.valid || character.code < 0x80) {
    const bool escape = !character.valid || is_in(misleading, character.code);
    return escape ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(character.code))
                  : std::string(bytes);
  }
  if (is_in(misleading, character.code))
    return fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(character.code));
  return std::string(bytes);
}

/// Printable ASCII, as nearly every name is: shown as it stands, a column a byte.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace

std::string for_terminal(std::string_view raw, std::size_t max_columns) {
  if (raw.size() <= max_columns && is_plain(raw))
    return std::string(raw);
  std::string text;
  std::size_t columns = 0;
  std::size_t cut_at = 0; // bytes of `text` that still leave room for the ellipsis
  while (!raw.empty()) {
    const Character character = first_character(raw);
    const std::string next = shown(character, raw.substr(0, character.length));
    columns += display_width(next);
    if (columns > max_columns) {
      text.resize(cut_at);
      return max_columns == 0 ? text : text.append(ellipsis);
    }
    text += next;
    if (columns < max_columns)
      cut_at = text.size();
    raw.remove_prefix(character.length);
  }
  return text;
}

std::size_t display_width(std::string_view printable) {
  std::size_t columns = 0;
  while (!printable.empty()) {
    const Character character = first_character(printable);
    columns += character.valid && is_in(wide, character.code) ? 2 : 1;
    printable.remove_prefix(character.length);
  }
  return columns;
}

std::string left_column(std::string_view raw, std::size_t columns) {
  std::string text = for_terminal(raw, columns);
  return text.append(columns - display_width(text), ' ');
}

std::string right_column(std::string_view raw, std::size_t columns) {
  const std::string text = for_terminal(raw, columns);
  return std::string(columns - display_width(text), ' ') + text;
}

std::string valid_utf8(std::string_view raw, std::size_t max_bytes) {
  std::string text;
  while (!raw.empty()) {
    const Character character = first_character(raw);
    const std::string_view next = character.valid ? raw.substr(0, character.length) : replacement;
    if (text.size() + next.size() > max_bytes)
      break;
    text += next;
    raw.remove_prefix(character.length);
  }
  return text;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

} // namespace forkmon
