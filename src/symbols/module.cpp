// SPDX-License-Identifier: MIT
#include "symbols/module.h"

#include <fmt/format.h>

#include <vector>

namespace forkmon {
namespace {

const std::string kDebugRoot = "/usr/lib/debug";

std::vector<std::string> debug_file_paths(const ElfImage& file, const std::string& path) {
  std::vector<std::string> paths;
  const auto& id = file.build_id();
  if (id.size() > 2)
    paths.push_back(kDebugRoot + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
  const auto* link = file.section(".gnu_debuglink");
  const auto name = link != nullptr ? file.string_at(link->sh_offset, 256) : std::string();
  if (name.empty() || name.find('/') != std::string::npos)
    return paths;
  const auto folder = path.substr(0, path.rfind('/') + 1);
  paths.push_back(fmt::format("{}{}", folder, name));
  paths.push_back(fmt::format("{}.debug/{}", folder, name));
  paths.push_back(fmt::format("{}{}{}", kDebugRoot, folder, name));
  return paths;
}

/// A file of another build would give wrong names, so only the build id proves that it is right.
std::optional<ElfImage> matching(Result<RegularFile> candidate, const ElfImage& file) {
  if (!candidate || (candidate->status.st_ino == file.status().st_ino &&
                     candidate->status.st_dev == file.status().st_dev))
    return {};
  auto debug_file = ElfImage::open(*std::move(candidate));
  if (!debug_file || debug_file->build_id() != file.build_id())
    return {};
  return *std::move(debug_file);
}

} // namespace

Module::Module(ElfImage file, std::optional<ElfImage> debug_file)
    : file_(std::move(file)), debug_file_(std::move(debug_file)), cfi_(CfiTable::of(file_)),
      symbols_(SymbolTable::of(file_, SHT_SYMTAB)) {
  if (symbols_.empty() && debug_file_) {
    symbols_ = SymbolTable::of(*debug_file_, SHT_SYMTAB);
    symbols_are_of_debug_file_ = true;
  }
  if (symbols_.empty())
    dynamic_symbols_ = SymbolTable::of(file_, SHT_DYNSYM);
}

std::size_t Module::memory() const {
  return symbols_.memory() + dynamic_symbols_.memory() + file_.sections().size_bytes() +
         (debug_file_ ? debug_file_->sections().size_bytes() : 0);
}

std::optional<FrameRules> Module::rules_at(std::uint64_t address) const {
  return cfi_.rules_at(file_, address);
}

std::optional<Symbol> Module::symbol_at(std::uint64_t address) const {
  const ElfImage& symbol_file = symbols_are_of_debug_file_ ? *debug_file_ : file_;
  if (auto symbol = symbols_.find(symbol_file, address))
    return symbol;
  return dynamic_symbols_.find(file_, address);
}

std::optional<DataSymbol> Module::data_at(std::uint64_t address) const {
  if (auto symbol = data_symbol_at(file_, SHT_SYMTAB, address))
    return symbol;
  if (debug_file_)
    if (auto symbol = data_symbol_at(*debug_file_, SHT_SYMTAB, address))
      return symbol;
  return data_symbol_at(file_, SHT_DYNSYM, address);
}

std::optional<ElfImage> find_debug_file(const ElfImage& file, const std::string& path, pid_t pid) {
  if (file.build_id().empty())
    return {};
  for (const auto& candidate : debug_file_paths(file, path)) {
    if (auto found = matching(open_in_root_of(pid, candidate), file))
      return found;
    if (auto found = matching(open_regular(candidate), file))
      return found;
  }
  return {};
}

} // namespace forkmon
