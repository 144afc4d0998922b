// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace forkmon {

/// A C++ name as written in the source; any other name as it is. The result has at most 512 bytes:
/// longer ones end with "...".
std::string demangle(const std::string& name);

} // namespace forkmon
