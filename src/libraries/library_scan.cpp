// SPDX-License-Identifier: MIT
#include "libraries/library_scan.h"

#include "elf/elf_file.h"
#include "elf/site_planner.h"
#include "libraries/forwarding.h"
#include "libraries/identify.h"
#include "util/text.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>

namespace forkmon {
namespace {

/// No function of a C library is larger: what a file says of itself need not be true.
constexpr std::uint64_t max_function_bytes = 65536;

/// The code that a call of the function runs: not the resolver of an IFUNC, not a version that only
/// old binaries use, not a static namesake.
CodeByName code_by_name(const ElfFile& file) {
  CodeByName code;
  for (FunctionSymbol& symbol : file.find(provider_names()))
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

/// C++ operators by the name that programmers know; of any other function its symbol.
std::string readable(const std::string& symbol) {
  constexpr std::pair<std::string_view, std::string_view> operators[] = {
      {"_Znwm", "operator new"},
      {"_Znam", "operator new[]"},
      {"_ZdlPv", "operator delete"},
      {"_ZdaPv", "operator delete[]"}};
  for (const auto& [prefix, name] : operators)
    if (symbol.starts_with(prefix))
      return std::string(name);
  return symbol;
}

/// What the scan of one file works on.
class Scanner {
public:
  Scanner(const ElfFile& file, const std::string& library)
      : file_(file), library_(library), code_(code_by_name(file)),
        matches_(match_providers(file, code_)) {}

  LibraryScan run(std::span<const UserFunction> user_functions) {
    scan_.registers_handlers = registers_handlers(file_);
    if (auto hook = code_.find(std::string(loader_hook_name)); hook != code_.end())
      scan_.loader_hook = hook->second.file_offset;
    add_user_functions(user_functions);
    for (const ProviderMatch& match : matches_)
      add_provider(match);
    return std::move(scan_);
  }

private:
  /// False where the address is taken (aliases share it, and a probe) or refuses a probe.
  bool add(const FunctionSymbol& symbol, ProbedFunction function) {
    if (!taken_.insert(symbol.file_offset).second)
      return false;
    SitePlan plan = plan_for(file_, symbol);
    if (!plan.can_probe) {
      scan_.unprobable++;
      return false;
    }
    scan_.functions.push_back(
        {std::move(function), symbol.file_offset + plan.offset, plan.is_emulated});
    return true;
  }

  void add_user_functions(std::span<const UserFunction> user_functions) {
    const std::string soname = file_.soname();
    const std::string base(base_name(library_));
    for (const UserFunction& user : user_functions) {
      if (fnmatch(user.library.c_str(), base.c_str(), 0) != 0 &&
          fnmatch(user.library.c_str(), soname.c_str(), 0) != 0)
        continue;
      const std::string_view name = user.name;
      for (const FunctionSymbol& symbol : file_.find(std::span(&name, 1)))
        if (symbol.is_default && !symbol.is_ifunc)
          add(symbol, {.function = user.name,
                       .category = user.category,
                       .tier = Tier::cold,
                       .provider = user.library,
                       .is_protected = false,
                       .severity = user.severity,
                       .hint = user.advice});
    }
  }

  void add_provider(const ProviderMatch& match) {
    const Provider& provider = *match.provider;
    FoundProvider found;
    found.name = provider.name;
    found.kind = provider.kind;
    const LibcVersion libc = describe(match, found);
    const bool build_repairs = found.handlers != AtForkHandlers::none;
    for (const CatalogueEntry& entry : provider.functions)
      add_entry(match, entry, libc, build_repairs, found);
    scan_.providers.push_back(std::move(found));
  }

  /// Fills in version and handlers. The release of a glibc, which some repairs depend on.
  LibcVersion describe(const ProviderMatch& match, FoundProvider& found) const {
    if (match.provider->kind != ProviderKind::libc) {
      found.handlers = handlers_of(file_, match.is_own_file);
      return {};
    }
    found.handlers = AtForkHandlers::in_fork;
    if (match.provider->functions.data() == musl_catalogue().data()) {
      const bool repairs = is_musl_1_2_2(file_);
      found.version = repairs ? "1.2.2 or newer" : "before 1.2.2";
      found.handlers = repairs ? AtForkHandlers::in_fork : AtForkHandlers::none;
      return {};
    }
    auto version = file_.glibc_version();
    if (!version)
      return {};
    found.version = fmt::format("{}.{}", version->major, version->minor);
    return {version->major, version->minor};
  }

  void add_entry(const ProviderMatch& match, const CatalogueEntry& entry, LibcVersion libc,
                 bool build_repairs, FoundProvider& found) {
    auto symbol = code_.find(std::string(match.prefix).append(entry.function));
    if (symbol == code_.end()) {
      found.absent++;
      return;
    }
    if (forwarding_.hands_on(match, entry.function, symbol->second))
      return;
    found.functions += add(symbol->second, {.function = readable(symbol->first),
                                            .category = entry.category,
                                            .tier = entry.tier,
                                            .provider = std::string(match.provider->name),
                                            .is_protected = is_repaired(entry, libc, build_repairs),
                                            .severity = severity_of(entry, libc, build_repairs),
                                            .hint = std::string(entry.hint)});
  }

  const ElfFile& file_;
  const std::string& library_;
  CodeByName code_;
  std::vector<ProviderMatch> matches_;
  Forwarding forwarding_{file_, code_};
  std::set<std::uint64_t> taken_;
  LibraryScan scan_;
};

} // namespace

LibraryScan scan_library(const ElfFile& file, const std::string& library,
                         std::span<const UserFunction> user_functions) {
  return Scanner(file, library).run(user_functions);
}

} // namespace forkmon
