// SPDX-License-Identifier: MIT
#include "app/known_libraries.h"

#include "libraries/library_scan.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace forkmon {
namespace {

ProbedFunction describe(const CatalogueEntry& entry, const std::string& library,
                        LibcVersion version) {
  return {.function = std::string(entry.function),
          .category = entry.category,
          .tier = entry.tier,
          .library = library,
          .is_protected = is_repaired(entry, version),
          .severity = severity_of(entry, version),
          .hint = std::string(entry.hint)};
}

} // namespace

Status KnownLibraries::add_own() {
  return add_of(getpid());
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
  auto scan = scan_library(openable);
  if (!scan) {
    spdlog::debug("not probed: {}", scan.error().message);
    return ok();
  }
  LibrarySites library{openable, file.file, {}};
  for (const FoundFunction& found : scan->functions) {
    auto id = functions_.add(describe(*found.entry, file.path, scan->version));
    if (!id)
      return id.error();
    library.sites.push_back({found.offset, *id});
  }
  return probes_.add(library);
}

} // namespace forkmon
