// SPDX-License-Identifier: MIT
#include "symbols/module_cache.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

namespace forkmon {
namespace {

constexpr std::size_t kMaxMemory = std::size_t{12} << 20;

// The vDSO has no file; its text is the same in every process of a running kernel.
constexpr std::size_t kVdsoBytes = 16384;

Result<RegularFile> copy_of_vdso() {
  const auto* image = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  RegularFile file;
  file.fd.reset(memfd_create("vdso", MFD_CLOEXEC));
  if (image == nullptr || !file.fd)
    return Error{"the vDSO cannot be read"};
  // A shorter vDSO ends the copy early, which is no error.
  if (write(file.fd.get(), image, kVdsoBytes) <= 0 || fstat(file.fd.get(), &file.status) != 0)
    return Error::from_errno("copy the vDSO", errno);
  return file;
}

bool same_content(const struct stat& left, const struct stat& right) {
  return left.st_size == right.st_size && left.st_mtim.tv_sec == right.st_mtim.tv_sec &&
         left.st_mtim.tv_nsec == right.st_mtim.tv_nsec;
}

/// Is the mapping of the file that had this status when it was opened? The number that
/// /proc/PID/maps shows is that of one file where stat(2) shows the same device. Elsewhere, as on
/// btrfs, it takes a look. Nothing where the process has ended, and nobody has looked before.
std::optional<bool> is_of(const AddressSpace& space, const Mapping& mapping,
                          const struct stat& opened) {
  if (opened.st_dev == mapping.dev)
    return true;
  if (mapping.file_dev != 0)
    return mapping.file_dev == opened.st_dev;
  auto now = status_of_mapped(space, mapping);
  if (!now)
    return std::nullopt;
  return now->device == opened.st_dev && now->inode == opened.st_ino;
}

} // namespace

/// Of those with that id the one that the process has mapped. If that cannot be told: the only one.
std::optional<ModuleCache::Entries::iterator>
ModuleCache::find(const FileId& id, const AddressSpace& space, const Mapping& mapping) {
  const auto [first, last] = index_.equal_range(id);
  std::optional<Entries::iterator> guessed;
  for (auto known = first; known != last; ++known) {
    if (mapping.inode == 0)
      return known->second;
    const auto is_its = is_of(space, mapping, known->second->status);
    if (is_its.value_or(false))
      return known->second;
    if (!is_its && std::next(first) == last)
      guessed = known->second;
  }
  return guessed;
}

void ModuleCache::forget(Entries::iterator entry) {
  const auto [first, last] = index_.equal_range(entry->id);
  index_.erase(std::find_if(first, last, [&](const auto& known) { return known.second == entry; }));
  entries_.erase(entry);
}

Result<std::shared_ptr<Module>> ModuleCache::get(const AddressSpace& space,
                                                 const Mapping& mapping) {
  const bool is_vdso = mapping.path == "[vdso]";
  if (mapping.inode == 0 && !is_vdso)
    return Error{"not of a file"};
  const FileId id{mapping.dev, mapping.inode};
  if (auto known = find(id, space, mapping)) {
    struct stat status {};
    if (fstat((*known)->fd.get(), &status) == 0 && same_content(status, (*known)->status)) {
      entries_.splice(entries_.begin(), entries_, *known);
      return entries_.front().module;
    }
    forget(*known);
  }
  auto file = is_vdso ? copy_of_vdso() : open_mapped(space, mapping);
  if (!file)
    return file.error();
  Fd held(fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 0));
  const struct stat status = file->status;
  auto module = load(space, mapping, *std::move(file));
  entries_.push_front({id, std::move(held), status, module});
  index_.insert({id, entries_.begin()});
  shrink();
  return module;
}

Result<std::shared_ptr<Module>> ModuleCache::load(const AddressSpace& space, const Mapping& mapping,
                                                  RegularFile file) {
  auto elf = ElfImage::open(std::move(file));
  if (!elf)
    return elf.error().in(mapping.path);
  if (auto copy = find_copy(*elf))
    return copy;
  auto debug_file = find_debug_file(*elf, mapping.path, space.pid());
  return std::make_shared<Module>(*std::move(elf), std::move(debug_file));
}

/// The owner counts as well: anybody can give a file of theirs the build id of the C library.
std::shared_ptr<Module> ModuleCache::find_copy(const ElfImage& file) const {
  for (const auto& entry : entries_) {
    const auto* known = entry.module ? &(*entry.module)->file() : nullptr;
    if (known != nullptr && !file.build_id().empty() && known->build_id() == file.build_id() &&
        known->status().st_size == file.status().st_size &&
        known->status().st_uid == file.status().st_uid)
      return *entry.module;
  }
  return nullptr;
}

std::size_t ModuleCache::memory() const {
  std::set<const Module*> counted;
  std::size_t total = 0;
  for (const auto& entry : entries_)
    if (entry.module && counted.insert(entry.module->get()).second)
      total += (*entry.module)->memory();
  return total;
}

void ModuleCache::shrink() {
  while (entries_.size() > 1 && (entries_.size() > max_modules_ || memory() > kMaxMemory))
    forget(std::prev(entries_.end()));
}

} // namespace forkmon
