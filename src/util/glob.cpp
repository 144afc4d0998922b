// SPDX-License-Identifier: MIT
#include "util/glob.h"

#include "util/text.h"

#include <fnmatch.h>

namespace forkmon {

bool matches(const std::string& pattern, const std::string& text) {
  return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

bool matches_path(const std::string& pattern, const std::string& path) {
  return matches(pattern, path) || matches(pattern, std::string(base_name(path)));
}

} // namespace forkmon
