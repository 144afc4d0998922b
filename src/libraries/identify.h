// SPDX-License-Identifier: MIT
/// Which known libraries a file is, or has built into it.
#pragma once

#include "catalogue/provider_catalogue.h"
#include "elf/elf_file.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace forkmon {

/// The functions that a file defines, by name: what a call by that name runs.
using CodeByName = std::unordered_map<std::string, FunctionSymbol>;

/// What a dynamic loader defines: see LibraryScan::loader_hook.
constexpr std::string_view loader_hook_name = "_dl_debug_state";

/// The names of all providers' functions and marks, with every prefix, and of the loader's hook.
/// They live for ever.
std::span<const std::string_view> provider_names();

struct ProviderMatch {
  const Provider* provider = nullptr;
  std::string_view prefix;  ///< that this build has before its functions' names
  bool is_own_file = false; ///< the file is that library; else it is built into something larger
};

/// In the order of providers(). `code` has the file's functions out of provider_names().
std::vector<ProviderMatch> match_providers(const ElfFile& file, const CodeByName& code);

} // namespace forkmon
