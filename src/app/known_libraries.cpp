// SPDX-License-Identifier: MIT
#include "app/known_libraries.h"

#include "libraries/function_code.h"
#include "util/text.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

namespace forkmon {
namespace {

bool has_libc(const LibraryScan& scan) {
  return std::ranges::any_of(scan.providers, [](const FoundProvider& provider) {
    return provider.kind == ProviderKind::libc;
  });
}

} // namespace

Status KnownLibraries::add_own() {
  auto files = mapped_files(getpid());
  if (!files)
    return files.error();
  for (const MappedFile& file : *files) {
    const std::string openable = file.openable(getpid());
    auto scan = scan_library(openable, file.path);
    if (!scan || !has_libc(*scan))
      continue;
    scanned_.insert(file.file);
    if (auto added = add_functions(file, openable, *scan); !added)
      return added;
  }
  return ok();
}

Status KnownLibraries::add_of(pid_t pid) {
  auto files = mapped_files(pid);
  if (!files)
    return files.error();
  for (const MappedFile& file : *files)
    if (auto added = add(file, file.openable(pid)); !added)
      return added;
  return ok();
}

Status KnownLibraries::add(const MappedFile& file, const std::string& openable) {
  if (scanned_.contains(file.file))
    return ok();
  if (scanned_.size() >= max_scanned)
    scanned_.clear(); // costs another scan; the probe sensor knows what it has
  scanned_.insert(file.file);
  auto scan = scan_library(openable, file.path);
  if (!scan) {
    spdlog::debug("not probed: {}", scan.error().message);
    return ok();
  }
  return add_functions(file, openable, *scan);
}

/// Ids of the scan's functions, in order; fewer where the table is full.
std::vector<FunctionId> KnownLibraries::name_functions(const MappedFile& file,
                                                       const LibraryScan& scan) {
  std::vector<FunctionId> ids;
  for (const FoundFunction& found : scan.functions) {
    auto id = functions_.add(found.function);
    if (!id) { // what is known already stays of use
      spdlog::warn("not all of {} is watched: {}", for_terminal(file.path), id.error().message);
      break;
    }
    ids.push_back(*id);
  }
  return ids;
}

Status KnownLibraries::add_functions(const MappedFile& file, const std::string& openable,
                                     const LibraryScan& scan) {
  const auto ids = name_functions(file, scan);
  if (!ids.empty() && programs_.sees_page_faults())
    add_code(file, openable, scan, ids);
  if (!probes_)
    return ok();
  LibrarySites library{openable, file.file, {}};
  for (std::size_t i = 0; i < ids.size(); i++)
    library.sites.push_back({scan.functions[i].offset, ids[i], scan.functions[i].function.tier});
  return probes_->add(library);
}

/// A library whose code cannot be told apart is left to the probes.
void KnownLibraries::add_code(const MappedFile& file, const std::string& openable,
                              const LibraryScan& scan, const std::vector<FunctionId>& ids) {
  std::vector<fm_code_range> ranges;
  auto code = code_of(openable, scan);
  Status done = code ? ok() : Status(code.error());
  if (code) {
    for (const FunctionCode& piece : *code)
      if (piece.function < ids.size())
        ranges.push_back({piece.start, piece.end, ids[piece.function], 0});
    done = programs_.set_code({file.file.inode, file.file.dev, 0}, ranges);
  }
  if (!done)
    spdlog::debug("page faults in {} tell nothing: {}", for_terminal(file.path),
                  done.error().message);
}

} // namespace forkmon
