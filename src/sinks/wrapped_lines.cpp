// SPDX-License-Identifier: MIT
#include "sinks/wrapped_lines.h"

#include "util/text.h"

namespace forkmon {

constexpr std::size_t max_columns = 1024;

std::vector<std::string> wrapped_lines(std::string_view raw, std::size_t columns) {
  std::vector<std::string> lines;
  std::string rest = for_terminal(raw, max_columns);
  while (rest.size() > columns) {
    std::size_t space = rest.rfind(' ', columns);
    if (space == std::string::npos || space == 0)
      space = rest.find(' ', columns);
    if (space == std::string::npos)
      break;
    lines.push_back(rest.substr(0, space));
    rest.erase(0, space + 1);
  }
  if (!rest.empty())
    lines.push_back(std::move(rest));
  return lines;
}

} // namespace forkmon
