// SPDX-License-Identifier: MIT
/// One frame of a call stack.
#pragma once

#include <cstdint>
#include <string>

namespace forkmon {

struct Frame {
  std::string function;     ///< demangled; empty where no symbol covers the address
  std::string module;       ///< path of the mapped file; empty where the address is in none
  std::uint64_t offset = 0; ///< in the module, or the address itself where there is no module
  std::string source;       ///< "file:line", where debug information gives it
};

} // namespace forkmon
