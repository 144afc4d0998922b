// SPDX-License-Identifier: MIT
#include "app/known_libraries.h"

#include "elf/elf_file.h"
#include "forkmon/wire.h"
#include "libraries/function_code.h"
#include "util/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

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
  case 0: // our own findings, not the system's
  case ENOEXEC:
    return "malformed";
  case ENOENT:
  case ESRCH:
    return "gone";
  case EREMOTE:
    return "remote";
  case EINVAL:
    return "not_regular";
  case ESTALE:
    return "replaced";
  default:
    return "unreadable";
  }
}

bool is_gone(const Error& error) {
  return error.code == ENOENT || error.code == ESRCH;
}

/// Devices and the like, and files that are no ELF files, such as those that hold compiled code.
bool is_no_library(const Error& error) {
  return error.code == EINVAL || error.code == ENOEXEC;
}

} // namespace

Status KnownLibraries::add_own() {
  auto files = mapped_files_.of(getpid());
  if (!files)
    return files.error();
  for (const MappedFile& file : *files)
    if (auto opened = mapped_files_.open(file, getpid()))
      if (auto added = add_library(file, std::move(*opened), true); !added)
        return added;
  return ok();
}

Result<KnownLibraries::Looked> KnownLibraries::add_of(pid_t pid) {
  auto files = mapped_files_.of(pid);
  if (!files)
    return files.error();
  MapSnapshot snapshot;
  snapshot.pid = pid;
  snapshot.files = std::move(*files);
  return add(std::move(snapshot));
}

KnownLibraries::Looked KnownLibraries::add(MapSnapshot snapshot) {
  Looked looked;
  for (const MappedFile& file : snapshot.files) {
    looked.mapped.push_back(file.file);
    std::optional<std::string> unread;
    if (auto known = known_.find(file.file); known != known_.end()) {
      unread = known->second;
    } else {
      auto opened = snapshot.opened.find(file.file);
      unread = add(file, opened != snapshot.opened.end() ? Result(std::move(opened->second))
                                                         : mapped_files_.open(file, snapshot.pid));
    }
    looked.ended |= !known_.contains(file.file);
    if (!looked.unread)
      looked.unread = std::move(unread);
  }
  return looked;
}

/// Returns why the file could not be read in full.
std::optional<std::string> KnownLibraries::add(const MappedFile& file, Result<RegularFile> opened) {
  if (known_.size() >= max_known)
    known_.clear(); // costs another scan; the probe sensor knows what it has
  Status added = opened ? add_library(file, std::move(*opened), false) : Status(opened.error());
  if (added) {
    known_.insert({file.file, std::nullopt});
    return std::nullopt;
  }
  note_error(added.error());
  if (is_gone(added.error())) // another process may have it, too
    return std::nullopt;
  std::optional<std::string> unread;
  if (!is_no_library(added.error()))
    unread = added.error().message;
  known_.insert_or_assign(file.file, unread);
  return unread;
}

Status KnownLibraries::add_library(const MappedFile& file, RegularFile opened, bool only_system) {
  // What tracefs opens anew, whatever has become of the path.
  auto held = std::make_shared<const Fd>(fcntl(opened.fd.get(), F_DUPFD_CLOEXEC, 0));
  const bool is_shown_by_overlay = opened.status.st_dev != device_of(file.file);
  auto elf = ElfFile::from_fd(std::move(opened.fd), file.path);
  if (!elf)
    return elf.error();
  const LibraryScan scan = scan_library(*elf, file.path, user_functions_);
  if (only_system && !has_libc(scan) && !scan.loader_hook)
    return ok();
  known_.insert({file.file, std::nullopt});
  scanned_ok_++;
  LibrarySites library{fmt::format("/proc/self/fd/{}", held->get()),
                       file.file,
                       {},
                       scan.loader_hook,
                       is_shown_by_overlay ? held : nullptr};
  return add_functions(file, std::move(library), scan, *elf);
}

/// What is known of a library whose functions do not all find room stays of use.
Status KnownLibraries::add_functions(const MappedFile& file, LibrarySites library,
                                     const LibraryScan& scan, const ElfFile& elf) {
  std::vector<std::uint32_t> places;
  Status complete = add_places(file, scan, places);
  if (!places.empty() && programs_.sees_page_faults())
    if (auto added = add_code(file, elf, scan, places); !added)
      note_error(added.error().in(file.path));
  if (!probes_)
    return complete;
  for (std::size_t i = 0; i < places.size(); i++)
    library.sites.push_back({scan.functions[i].offset, places[i], scan.functions[i].function.tier});
  probed_ += places.empty() ? 0 : 1;
  if (auto added = probes_->add(library); !added)
    return added.error().in(file.path);
  return complete;
}

/// Of the scan's functions, in order; fewer where the table is full.
Status KnownLibraries::add_places(const MappedFile& file, const LibraryScan& scan,
                                  std::vector<std::uint32_t>& places) {
  if (scan.functions.empty())
    return ok();
  const LibraryId library = functions_.add_library(file.path);
  for (const FoundFunction& found : scan.functions) {
    auto id = functions_.add(found.function);
    if (!id)
      return id.error().in(file.path);
    places.push_back(FM_PLACE(*id, library));
  }
  return ok();
}

/// A library whose code cannot be told apart is left to the probes.
Status KnownLibraries::add_code(const MappedFile& file, const ElfFile& elf, const LibraryScan& scan,
                                const std::vector<std::uint32_t>& places) {
  std::vector<fm_code_range> ranges;
  for (const FunctionCode& piece : code_of(elf, scan))
    if (piece.function < places.size())
      ranges.push_back({piece.start, piece.end, places[piece.function], 0});
  return programs_.set_code(to_wire(file.file), ranges);
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
