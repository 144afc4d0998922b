// SPDX-License-Identifier: MIT
/// The configuration file, as plain structs (docs/configuration.md).
#pragma once

#include "app/allow_list.h"
#include "libraries/library_scan.h"
#include "util/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace forkmon {

/// The types that TOML gives a value.
enum class ValueKind { boolean, integer, number, text, other };

/// A key of the file's root: an option of the command line, which has yet to accept it.
struct ConfigEntry {
  std::string key;
  std::uint32_t line = 0;
  bool is_list = false;
  ValueKind kind = ValueKind::other; ///< of the value, or of all in the list
  std::vector<std::string> values;   ///< as the command line would have them
};

struct ConfigFile {
  std::vector<ConfigEntry> entries;
  std::vector<AllowRule> allow;
  std::vector<UserFunction> functions;
};

/// Reads a regular file of at most 1 MiB. Errors: "PATH: why" or "PATH:LINE: why".
Result<ConfigFile> read_config(const std::string& path);

/// The same of a text; `path` is for error messages.
Result<ConfigFile> parse_config(const std::string& text, const std::string& path);

} // namespace forkmon
