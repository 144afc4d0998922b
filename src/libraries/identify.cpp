// SPDX-License-Identifier: MIT
#include "libraries/identify.h"

#include <fnmatch.h>

#include <algorithm>
#include <optional>
#include <set>

namespace forkmon {
namespace {

std::string with_prefix(std::string_view prefix, std::string_view name) {
  return std::string(prefix).append(name);
}

bool matches_any(const std::string& soname, std::span<const std::string_view> globs) {
  return std::ranges::any_of(globs, [&](std::string_view glob) {
    return fnmatch(std::string(glob).c_str(), soname.c_str(), 0) == 0;
  });
}

/// The prefix with which one of the provider's marks is defined.
std::optional<std::string_view> marked_prefix(const Provider& provider, const CodeByName& code) {
  for (std::string_view prefix : provider.prefixes)
    for (std::string_view mark : provider.marks)
      if (code.contains(with_prefix(prefix, mark)))
        return prefix;
  return std::nullopt;
}

/// A program with an interpreter gets its libc from elsewhere: what looks like one is start code.
std::optional<ProviderMatch> match(const Provider& provider, const ElfFile& file,
                                   const std::string& soname, const CodeByName& code) {
  auto prefix = marked_prefix(provider, code);
  if (matches_any(soname, provider.sonames))
    return ProviderMatch{&provider, prefix.value_or(""), true};
  if (!prefix || (provider.kind == ProviderKind::libc && !file.interpreter().empty()))
    return std::nullopt;
  return ProviderMatch{&provider, *prefix, false};
}

/// Does the file put a malloc of its own in the place of the C library's? Old dynamic loaders
/// define one for their own use, until libc is there.
bool interposes_malloc(const std::string& soname, const CodeByName& code) {
  return code.contains("malloc") && code.contains("free") && !soname.starts_with("ld-linux") &&
         !soname.starts_with("ld64");
}

std::vector<std::string_view> all_names() {
  static std::set<std::string> names; // owns them
  auto add = [](const Provider& provider) {
    for (std::string_view prefix : provider.prefixes) {
      for (std::string_view mark : provider.marks)
        names.insert(with_prefix(prefix, mark));
      for (const CatalogueEntry& entry : provider.functions)
        names.insert(with_prefix(prefix, entry.function));
    }
  };
  std::ranges::for_each(providers(), add);
  add(unknown_allocator());
  names.insert(std::string(loader_hook_name));
  return {names.begin(), names.end()};
}

} // namespace

std::span<const std::string_view> provider_names() {
  static const std::vector<std::string_view> names = all_names();
  return names;
}

std::vector<ProviderMatch> match_providers(const ElfFile& file, const CodeByName& code) {
  const std::string soname = file.soname();
  std::vector<ProviderMatch> matches;
  for (const Provider& provider : providers())
    if (auto found = match(provider, file, soname, code))
      matches.push_back(*found);
  const bool has_malloc = std::ranges::any_of(matches, [](const ProviderMatch& found) {
    return found.provider->kind != ProviderKind::library;
  });
  if (!has_malloc && interposes_malloc(soname, code))
    matches.insert(matches.begin(), {&unknown_allocator(), "", true});
  return matches;
}

} // namespace forkmon
