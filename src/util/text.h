// SPDX-License-Identifier: MIT
/// Foreign bytes (process names, paths, symbols) made fit for terminals, labels and JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forkmon {

/// `raw` as printable UTF-8, at most `max_columns` wide; cut ones end in "…".
/// Bytes that could steer a terminal or mislead the eye (controls, escapes, C1, invalid UTF-8,
/// bidi overrides, invisible and combining characters) are shown as \xNN or \u{NNNN}.
std::string for_terminal(std::string_view raw, std::size_t max_columns = 256);

/// for_terminal(), filled up with spaces to exactly `columns`.
std::string left_column(std::string_view raw, std::size_t columns);

/// As left_column(), with the spaces before the text.
std::string right_column(std::string_view raw, std::size_t columns);

/// Columns that for_terminal()'s result takes: 2 for East Asian wide characters and emoji.
std::size_t display_width(std::string_view printable);

/// `raw` with U+FFFD for each byte that is no valid UTF-8, cut at a character to `max_bytes`.
std::string valid_utf8(std::string_view raw, std::size_t max_bytes = 4096);

/// What follows the last slash.
std::string_view base_name(std::string_view path);

} // namespace forkmon
