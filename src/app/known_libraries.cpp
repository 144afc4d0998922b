// SPDX-License-Identifier: MIT
#include "app/known_libraries.h"

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
    if (auto added = add_sites(file, openable, *scan); !added)
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
  return add_sites(file, openable, *scan);
}

Status KnownLibraries::add_sites(const MappedFile& file, const std::string& openable,
                                 const LibraryScan& scan) {
  LibrarySites library{openable, file.file, {}};
  for (const FoundFunction& found : scan.functions) {
    auto id = functions_.add(found.function);
    if (!id) { // what is known already stays of use
      spdlog::warn("not all of {} is probed: {}", for_terminal(file.path), id.error().message);
      break;
    }
    library.sites.push_back({found.offset, *id});
  }
  return probes_.add(library);
}

} // namespace forkmon
