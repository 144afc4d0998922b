// SPDX-License-Identifier: MIT
#include "libraries/library_scan.h"

#include "elf/elf_file.h"
#include "elf/site_planner.h"

#include <set>
#include <unordered_map>

namespace forkmon {
namespace {

constexpr std::string_view glibc_soname = "libc.so.6";

/// No function of a C library is larger: what a file says of itself need not be true.
constexpr std::uint64_t max_function_bytes = 65536;

std::vector<std::string_view> names_of(std::span<const CatalogueEntry> catalogue) {
  std::vector<std::string_view> names;
  for (const CatalogueEntry& entry : catalogue)
    names.push_back(entry.function);
  return names;
}

/// The code that a call of the function runs: not the resolver of an IFUNC, not a version that only
/// old binaries use.
std::unordered_map<std::string, FunctionSymbol> code_by_name(const ElfFile& file,
                                                             std::span<const CatalogueEntry> all) {
  std::unordered_map<std::string, FunctionSymbol> code;
  for (FunctionSymbol& symbol : file.find(names_of(all)))
    if (symbol.is_default && !symbol.is_ifunc && !symbol.is_local)
      code.emplace(symbol.name, std::move(symbol));
  return code;
}

/// A function of unknown or extreme size, or one that cannot be read, is probed at its entry.
SitePlan plan_for(const ElfFile& file, const FunctionSymbol& symbol) {
  SitePlan entry;
  entry.can_probe = true;
  if (symbol.size == 0 || symbol.size > max_function_bytes)
    return entry;
  auto code = file.read(symbol.file_offset, symbol.size);
  return code ? plan_site(*code, symbol.vaddr) : entry;
}

void add(LibraryScan& scan, const ElfFile& file, const CatalogueEntry& entry,
         const FunctionSymbol& symbol) {
  SitePlan plan = plan_for(file, symbol);
  if (!plan.can_probe)
    scan.unprobable++;
  else
    scan.functions.push_back({&entry, symbol.file_offset + plan.offset, plan.is_emulated});
}

} // namespace

Result<LibraryScan> scan_library(const std::string& path) {
  auto file = ElfFile::open(path);
  if (!file)
    return file.error();
  LibraryScan scan;
  if (file->soname() != glibc_soname)
    return scan;
  if (auto version = file->glibc_version())
    scan.version = {version->major, version->minor};
  auto catalogue = libc_catalogue();
  auto code = code_by_name(*file, catalogue);
  std::set<std::uint64_t> taken; // aliases share an address, and a probe
  for (const CatalogueEntry& entry : catalogue) {
    auto found = code.find(std::string(entry.function));
    if (found == code.end())
      scan.absent++;
    else if (taken.insert(found->second.file_offset).second)
      add(scan, *file, entry, found->second);
  }
  return scan;
}

} // namespace forkmon
