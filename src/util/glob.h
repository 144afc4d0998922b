// SPDX-License-Identifier: MIT
/// Patterns of glob(7).
#pragma once

#include <string>

namespace forkmon {

/// Slashes are characters like any other.
bool matches(const std::string& pattern, const std::string& text);

/// The whole path, or its last component.
bool matches_path(const std::string& pattern, const std::string& path);

} // namespace forkmon
