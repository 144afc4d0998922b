// SPDX-License-Identifier: MIT
/// The modules that were used last, by file and by build id.
#pragma once

#include "process/address_space.h"
#include "symbols/module.h"
#include "util/result.h"

#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace forkmon {

class ModuleCache {
public:
  /// Keeps at most `max_modules` files, and at most 12 MiB of symbols (and of the last module's).
  explicit ModuleCache(std::size_t max_modules) : max_modules_(max_modules) {}

  /// The module of a mapping, read when it is not known yet. Copies of one file, as in layers of
  /// containers, share a module. Error: it cannot be opened, or is no ELF file that we can read.
  Result<std::shared_ptr<Module>> get(const AddressSpace& space, const Mapping& mapping);

  std::size_t size() const { return entries_.size(); }
  std::size_t memory() const;

private:
  using FileId = std::pair<dev_t, std::uint64_t>;

  struct Entry {
    FileId id;
    Fd fd; ///< held open, so that the inode's number is not given to another file
    struct stat status {};
    Result<std::shared_ptr<Module>> module;
  };

  Result<std::shared_ptr<Module>> load(const AddressSpace& space, const Mapping& mapping,
                                       RegularFile file);
  std::shared_ptr<Module> find_copy(const ElfImage& file) const;
  void shrink();

  std::size_t max_modules_;
  std::list<Entry> entries_; ///< most recently used first
  std::map<FileId, std::list<Entry>::iterator> index_;
};

} // namespace forkmon
