// SPDX-License-Identifier: MIT
/// Numbers in foreign text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace forkmon {

/// All of `text` as a number, without a sign that T cannot have, space or prefix; nothing where it
/// is not one or does not fit. `format`: the base of an integer, or a std::chars_format.
template <typename T, typename... Format>
std::optional<T> parse_number(std::string_view text, Format... format) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, format...);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

} // namespace forkmon
