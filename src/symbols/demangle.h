// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace forkmon {

/// A C++ or Rust name as written in the source; any other name as it is. The result has at most 512
/// bytes: longer ones end with "...". Takes microseconds whatever the name is, because it stops
/// when the text is that long.
std::string demangle(const std::string& name);

} // namespace forkmon
