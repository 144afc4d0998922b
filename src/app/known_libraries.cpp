// SPDX-License-Identifier: MIT
#include "app/known_libraries.h"

#include "elf/elf_file.h"
#include "forkmon/wire.h"
#include "libraries/function_code.h"
#include "util/text.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace forkmon {
namespace {

/// Anybody can map files that make no sense, as many as they like.
constexpr std::size_t max_lines_said = 32;

bool has_libc(const LibraryScan& scan) {
  return std::ranges::any_of(scan.providers, [](const FoundProvider& provider) {
    return provider.kind == ProviderKind::libc;
  });
}

/// The label of forkmon_library_errors_total.
std::string_view reason_of(const Error& error) {
  switch (error.code) {
  case 0:
    return "malformed"; // our own findings, not the system's
  case ENOENT:
  case ESRCH:
    return "gone";
  case EREMOTE:
    return "remote";
  case EINVAL:
    return "not_regular";
  default:
    return "unreadable";
  }
}

bool is_gone(const Error& error) {
  return error.code == ENOENT || error.code == ESRCH;
}

} // namespace

Status KnownLibraries::add_own() {
  auto files = mapped_files(getpid());
  if (!files)
    return files.error();
  for (const MappedFile& file : *files)
    if (auto opened = open_mapped(file, getpid()))
      if (auto added = add_library(file, std::move(*opened), true); !added)
        return added;
  return ok();
}

Result<std::vector<FileId>> KnownLibraries::add_of(pid_t pid) {
  auto files = mapped_files(pid);
  if (!files)
    return files.error();
  MapSnapshot snapshot;
  snapshot.pid = pid;
  snapshot.files = std::move(*files);
  return add(std::move(snapshot));
}

std::vector<FileId> KnownLibraries::add(MapSnapshot snapshot) {
  std::vector<FileId> mapped;
  for (const MappedFile& file : snapshot.files) {
    mapped.push_back(file.file);
    if (known_.contains(file.file))
      continue;
    auto opened = snapshot.opened.find(file.file);
    add(file, opened != snapshot.opened.end() ? Result(std::move(opened->second))
                                              : open_mapped(file, snapshot.pid));
  }
  return mapped;
}

void KnownLibraries::add(const MappedFile& file, Result<RegularFile> opened) {
  if (known_.size() >= max_known)
    known_.clear(); // costs another scan; the probe sensor knows what it has
  Status added = opened ? add_library(file, std::move(*opened), false) : Status(opened.error());
  if (!added)
    note_error(added.error());
  if (added || !is_gone(added.error())) // another process may have it, too
    known_.insert(file.file);
}

Status KnownLibraries::add_library(const MappedFile& file, RegularFile opened, bool only_system) {
  const Fd held(dup(opened.fd.get())); // what tracefs opens anew, whatever has become of the path
  auto elf = ElfFile::from_fd(std::move(opened.fd), file.path);
  if (!elf)
    return elf.error();
  const LibraryScan scan = scan_library(*elf, file.path, user_functions_);
  if (only_system && !has_libc(scan) && !scan.loader_hook)
    return ok();
  known_.insert(file.file);
  scanned_ok_++;
  return add_functions(file, held.get(), scan, *elf);
}

Status KnownLibraries::add_functions(const MappedFile& file, int fd, const LibraryScan& scan,
                                     const ElfFile& elf) {
  const auto places = places_of(file, scan);
  if (!places.empty() && programs_.sees_page_faults())
    if (auto added = add_code(file, elf, scan, places); !added)
      note_error(added.error().in(file.path));
  if (!probes_)
    return ok();
  LibrarySites library{fmt::format("/proc/self/fd/{}", fd), file.file, {}, scan.loader_hook};
  for (std::size_t i = 0; i < places.size(); i++)
    library.sites.push_back({scan.functions[i].offset, places[i], scan.functions[i].function.tier});
  probed_ += places.empty() ? 0 : 1;
  auto added = probes_->add(library);
  return added ? ok() : Status(added.error().in(file.path));
}

/// Of the scan's functions, in order; fewer where the table is full.
std::vector<std::uint32_t> KnownLibraries::places_of(const MappedFile& file,
                                                     const LibraryScan& scan) {
  std::vector<std::uint32_t> places;
  if (scan.functions.empty())
    return places;
  const LibraryId library = functions_.add_library(file.path);
  for (const FoundFunction& found : scan.functions) {
    auto id = functions_.add(found.function);
    if (!id) { // what is known already stays of use
      note_error(id.error().in(file.path));
      break;
    }
    places.push_back(FM_PLACE(*id, library));
  }
  return places;
}

/// A library whose code cannot be told apart is left to the probes.
Status KnownLibraries::add_code(const MappedFile& file, const ElfFile& elf, const LibraryScan& scan,
                                const std::vector<std::uint32_t>& places) {
  std::vector<fm_code_range> ranges;
  for (const FunctionCode& piece : code_of(elf, scan))
    if (piece.function < places.size())
      ranges.push_back({piece.start, piece.end, places[piece.function], 0});
  return programs_.set_code({file.file.object, file.file.inode, file.file.dev, 0}, ranges);
}

void KnownLibraries::note_error(const Error& error) {
  errors_[std::string(reason_of(error))]++;
  if (is_gone(error)) // its process has ended
    return;
  if (lines_said_ < max_lines_said)
    spdlog::warn("not watched: {}", for_terminal(error.message));
  if (lines_said_++ == max_lines_said)
    spdlog::warn("further files that are not watched are counted, and not told");
}

} // namespace forkmon
