// SPDX-License-Identifier: MIT
/// From an executable or library file to the places in it that are worth a probe.
#pragma once

#include "catalogue/function_table.h"
#include "catalogue/provider_catalogue.h"
#include "libraries/at_fork.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

class ElfFile;

/// A function that a user wants watched.
struct UserFunction {
  std::string name;    ///< its symbol, mangled where it is C++
  std::string library; ///< glob(7) of the file's DT_SONAME or of its path's last component
  Category category = Category::locks;
  Severity severity = Severity::warning;
  std::string advice;

  bool operator==(const UserFunction&) const = default;
};

/// A function as one file has it, ready for a finding and for a probe.
struct FoundFunction {
  ProbedFunction function;
  std::uint64_t offset = 0; ///< in the file, of the instruction to probe (elf/site_planner.h)
  bool is_emulated = false; ///< the kernel emulates that instruction: a cheap probe
};

/// A known library that the file is, or has built in.
struct FoundProvider {
  std::string_view name;
  ProviderKind kind = ProviderKind::library;
  std::string version;       ///< empty where the file does not say
  std::size_t functions = 0; ///< to be probed
  std::size_t absent = 0;    ///< entries of its table that this build does not have
  AtForkHandlers handlers = AtForkHandlers::none;
};

struct LibraryScan {
  std::vector<FoundProvider> providers;
  std::vector<FoundFunction> functions; ///< each address once, under the preferred name
  std::size_t unprobable = 0;           ///< found, but the kernel refuses a probe there
  /// Of a dynamic loader: in the file, what it calls when it has mapped libraries, before any code
  /// of these runs, and when it is about to. Debuggers use it (glibc's elf/dl-debug.c, musl's
  /// ldso/dynlink.c).
  std::optional<std::uint64_t> loader_hook;
  bool registers_handlers = false; ///< something in the file registers at-fork handlers
};

/// `library` is the file's path as its process sees it. Without functions: nothing in it is known.
/// A user's description of a function goes before ours.
LibraryScan scan_library(const ElfFile& file, const std::string& library,
                         std::span<const UserFunction> user_functions = {});

} // namespace forkmon
