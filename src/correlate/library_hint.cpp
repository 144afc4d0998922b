// SPDX-License-Identifier: MIT
#include "correlate/library_hint.h"

#include "catalogue/provider_catalogue.h"
#include "util/glob.h"
#include "util/text.h"

#include <algorithm>
#include <string>

namespace forkmon {
namespace {

constexpr std::string_view allocator_hint =
    "The allocator does not make its locks usable after fork: build it with at-fork handlers "
    "(jemalloc: its configure must find pthread_atfork), or use the C library's own malloc.";

/// "__GI_malloc", "malloc@plt" and the like are malloc.
std::string_view plain_name(std::string_view symbol) {
  if (symbol.starts_with("__GI_"))
    symbol.remove_prefix(5);
  return symbol.substr(0, symbol.find('@'));
}

const CatalogueEntry* entry_of(const Frame& frame) {
  const auto catalogue = libc_catalogue();
  const auto found =
      std::ranges::find(catalogue, plain_name(frame.function), &CatalogueEntry::function);
  return found == catalogue.end() ? nullptr : &*found;
}

bool is_of(const Provider& provider, const std::string& module) {
  const std::string file(base_name(module));
  return std::ranges::any_of(provider.sonames, [&](std::string_view soname) {
    return matches(std::string(soname), file);
  });
}

const Provider* provider_of(const Frame& frame) {
  for (const Provider& provider : providers())
    if (is_of(provider, frame.module))
      return &provider;
  return nullptr;
}

/// fork() makes the C library's own malloc usable, so it is not the allocator to blame.
std::string_view hint_of(const Frame& frame) {
  const Provider* provider = provider_of(frame);
  const bool in_libc = provider != nullptr && provider->kind == ProviderKind::libc;
  const CatalogueEntry* entry = entry_of(frame);
  if (entry != nullptr && entry->category == Category::allocator)
    return in_libc ? std::string_view{} : allocator_hint;
  if (entry != nullptr && entry->repair != Repair::application)
    return entry->hint;
  if (provider == nullptr || in_libc || provider->functions.empty())
    return {};
  return provider->kind == ProviderKind::allocator ? allocator_hint
                                                   : provider->functions.front().hint;
}

/// Is it this lock, or one that this function takes?
bool takes(const CatalogueEntry& entry, std::string_view symbol) {
  return symbol.ends_with("()") ? entry.function == symbol.substr(0, symbol.size() - 2)
                                : entry.lock == symbol;
}

} // namespace

std::string_view lock_hint(const Lock& lock) {
  if (lock.kind != LockKind::libc || lock.symbol.empty())
    return {};
  const auto catalogue = libc_catalogue();
  const auto found = std::ranges::find_if(
      catalogue, [&](const CatalogueEntry& entry) { return takes(entry, lock.symbol); });
  return found == catalogue.end() ? std::string_view{} : found->hint;
}

std::string_view library_hint(std::span<const Frame> stack) {
  for (const Frame& frame : stack)
    if (const std::string_view hint = hint_of(frame); !hint.empty())
      return hint;
  return {};
}

} // namespace forkmon
