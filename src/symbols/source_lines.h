// SPDX-License-Identifier: MIT
/// Source lines from debug information, through libdw.
#pragma once

#include "symbols/debug_info.h"
#include "symbols/elf_image.h"

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <tuple>

namespace forkmon {

class SourceLines {
public:
  /// "file:line" of an ELF address; empty where the file does not say. Not looked at: what
  /// DebugInfo::open refuses.
  std::string find(const ElfImage& file, std::uint64_t address);

private:
  /// Device, inode and time of change (ns): a file and its contents.
  using FileId = std::tuple<dev_t, ino_t, std::int64_t>;

  struct Open {
    FileId id;
    DebugInfo info;
  };

  static FileId id_of(const ElfImage& file);
  DebugInfo& info_of(const ElfImage& file);

  std::list<Open> open_; ///< most recently used first
  std::map<std::pair<FileId, std::uint64_t>, std::string> known_;
};

} // namespace forkmon
