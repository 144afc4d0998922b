// SPDX-License-Identifier: MIT
/// Sentences in lines that are not too long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// `raw` made printable, cut at 1,024 columns, and broken between words so that lines have at most
/// `columns` bytes; a longer word has a line of its own. Empty where `raw` is.
std::vector<std::string> wrapped_lines(std::string_view raw, std::size_t columns);

} // namespace forkmon
