// SPDX-License-Identifier: MIT
#include "libraries/function_code.h"

#include "elf/elf_file.h"
#include "libraries/identify.h"
#include "libraries/internal_functions.h"

#include <algorithm>
#include <set>

namespace forkmon {
namespace {

/// Nearly all that malloc and its like do is in code that they share, and what is wrong with a call
/// of one is so with the others. People know them by these two names.
bool names_allocators(const FoundFunction& found) {
  return found.function.function == "malloc" || found.function.function == "free";
}

/// wordexp and its like: their own child runs in their code, and did not call them.
bool forks(const FoundFunction& found) {
  return found.function.category == Category::process_creation;
}

/// The functions of the scan with their symbols, which tell their size. Where a symbol is, there is
/// at most one probe.
std::vector<OwnerFunction> functions_with_symbols(const ElfFile& file, const LibraryScan& scan) {
  std::vector<OwnerFunction> found;
  std::set<std::uint64_t> seen;
  std::vector<std::string_view> names(provider_names().begin(), provider_names().end());
  for (const FoundFunction& function : scan.functions)
    names.push_back(function.function.function);
  for (FunctionSymbol& symbol : file.find(names)) {
    auto is_of_symbol = [&](const FoundFunction& function) {
      return function.offset - symbol.file_offset < symbol.size;
    };
    auto function = std::ranges::find_if(scan.functions, is_of_symbol);
    if (function == scan.functions.end() || forks(*function) ||
        !seen.insert(symbol.file_offset).second)
      continue;
    const bool is_allocator = function->function.category == Category::allocator;
    found.push_back({std::move(symbol), static_cast<std::size_t>(function - scan.functions.begin()),
                     is_allocator ? 1 : 0, names_allocators(*function)});
  }
  return found;
}

/// A child that was forked by a thread ends as that thread does, in code that starting one shares.
bool owns_internals(const FoundFunction& found) {
  return found.function.category != Category::threads;
}

bool has_libc(const LibraryScan& scan) {
  return std::ranges::any_of(scan.providers, [](const FoundProvider& provider) {
    return provider.kind == ProviderKind::libc;
  });
}

void cut_overlaps(std::vector<FunctionCode>& code) {
  std::ranges::sort(code, {}, &FunctionCode::start);
  for (std::size_t i = 1; i < code.size(); i++)
    code[i - 1].end = std::min(code[i - 1].end, code[i].start);
  std::erase_if(code, [](const FunctionCode& piece) { return piece.start >= piece.end; });
}

} // namespace

std::vector<FunctionCode> code_of(const ElfFile& file, const LibraryScan& scan) {
  auto functions = functions_with_symbols(file, scan);
  std::vector<FunctionCode> code;
  for (const OwnerFunction& function : functions)
    code.push_back({function.symbol.file_offset, function.symbol.file_offset + function.symbol.size,
                    function.id});
  // Only a C library is known to hold fork() itself, whose own work in the child is no call.
  if (has_libc(scan)) {
    std::erase_if(functions, [&](const OwnerFunction& function) {
      return !owns_internals(scan.functions[function.id]);
    });
    for (const InternalFunction& internal : find_internal_functions(file, functions))
      code.push_back({internal.file_offset, internal.file_offset + internal.size, internal.owner});
  }
  cut_overlaps(code);
  return code;
}

} // namespace forkmon
