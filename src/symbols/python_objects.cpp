// SPDX-License-Identifier: MIT
#include "symbols/python_objects.h"

#include <algorithm>
#include <cstring>

namespace forkmon {
namespace {

// The same in 3.9 to 3.14: Include/object.h, Include/cpython/{bytesobject,unicodeobject}.h.
constexpr std::uint64_t kSizeOffset = 16; // ob_size of bytes, length of str
constexpr std::uint64_t kBytesData = 32;
constexpr std::uint64_t kUnicodeState = 32;

constexpr std::uint64_t kMaxCharacters = 1024;
constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 10;

void append_utf8(std::string& text, std::uint32_t character) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto add_rest = [&](int shift) { add(0x80 | (character >> shift & 0x3f)); };
  if (character > 0x10ffff)
    character = 0xfffd;
  if (character < 0x80) {
    add(character);
  } else if (character < 0x800) {
    add(0xc0 | character >> 6);
    add_rest(0);
  } else if (character < 0x10000) {
    add(0xe0 | character >> 12);
    add_rest(6);
    add_rest(0);
  } else {
    add(0xf0 | character >> 18);
    add_rest(12);
    add_rest(6);
    add_rest(0);
  }
}

} // namespace

std::optional<std::string> read_python_string(MemoryReader& memory, const PythonLayout& layout,
                                              std::uint64_t object) {
  const auto length = memory.number<std::uint64_t>(object + kSizeOffset);
  const auto state = memory.number<std::uint32_t>(object + kUnicodeState);
  // Bit fields: interned 2, kind 3 (bytes a character), compact 1, ascii 1.
  const std::uint32_t kind = state.value_or(0) >> 2 & 7;
  const bool is_compact = (state.value_or(0) >> 5 & 1) != 0;
  const bool is_ascii = (state.value_or(0) >> 6 & 1) != 0;
  if (!length || !is_compact || (kind != 1 && kind != 2 && kind != 4))
    return {};
  std::vector<std::uint8_t> bytes(std::min(*length, kMaxCharacters) * kind);
  if (!memory.read(object + (is_ascii ? layout.ascii_data : layout.unicode_data), bytes))
    return {};
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += kind) {
    std::uint32_t character = 0;
    std::memcpy(&character, &bytes[i], kind);
    append_utf8(text, character);
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> read_python_bytes(MemoryReader& memory,
                                                           std::uint64_t object) {
  const auto size = memory.number<std::uint64_t>(object + kSizeOffset);
  if (!size || *size > kMaxBytes)
    return {};
  std::vector<std::uint8_t> bytes(*size);
  if (!memory.read(object + kBytesData, bytes))
    return {};
  return bytes;
}

} // namespace forkmon
