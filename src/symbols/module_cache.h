// SPDX-License-Identifier: MIT
/// The modules that were used last, by file and by build id.
#pragma once

#include "process/address_space.h"
#include "symbols/module.h"
#include "util/result.h"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace forkmon {

class ModuleCache {
public:
  /// Keeps at most `max_modules` files, and at most 12 MiB of symbols (and of the last module's).
  explicit ModuleCache(std::size_t max_modules) : max_modules_(max_modules) {}

  /// The module of a mapping, read when it is not known yet. Copies of one file, as in layers of
  /// containers, share a module. Of an overlay's file that was copied up since it was mapped, it is
  /// the copy's. Error: it cannot be opened, or is no ELF file that we can read.
  Result<std::shared_ptr<Module>> get(const AddressSpace& space, const Mapping& mapping);

  std::size_t size() const { return entries_.size(); }
  std::size_t memory() const;

private:
  /// As /proc/PID/maps shows it: on btrfs, two subvolumes may have files of one id.
  using FileId = std::pair<dev_t, std::uint64_t>;

  struct Entry {
    FileId id;
    Fd fd; ///< held open, so that the inode's number is not given to another file
    struct stat status {};
    Result<std::shared_ptr<Module>> module;
  };

  Result<std::shared_ptr<Module>> load(const AddressSpace& space, const Mapping& mapping,
                                       RegularFile file);
  using Entries = std::list<Entry>;
  std::shared_ptr<Module> find_copy(const ElfImage& file) const;
  std::optional<Entries::iterator> find(const FileId& id, const AddressSpace& space,
                                        const Mapping& mapping);
  void forget(Entries::iterator entry);
  void shrink();

  std::size_t max_modules_;
  Entries entries_; ///< most recently used first
  std::multimap<FileId, Entries::iterator> index_;
};

} // namespace forkmon
