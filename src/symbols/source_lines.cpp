// SPDX-License-Identifier: MIT
#include "symbols/source_lines.h"

namespace forkmon {
namespace {

constexpr std::size_t kMaxKnown = 4096;
constexpr std::size_t kMaxOpen = 16;

} // namespace

SourceLines::FileId SourceLines::id_of(const ElfImage& file) {
  const auto& status = file.status();
  return {status.st_dev, status.st_ino,
          std::int64_t{status.st_mtim.tv_sec} * 1000000000 + status.st_mtim.tv_nsec};
}

std::string SourceLines::find(const ElfImage& file, std::uint64_t address) {
  const std::pair key{id_of(file), address};
  if (auto known = known_.find(key); known != known_.end())
    return known->second;
  if (known_.size() >= kMaxKnown)
    known_.clear();
  return known_.emplace(key, info_of(file).source_line(address)).first->second;
}

/// Opening takes some ten milliseconds for the C library's, so the last ones stay open, in as much
/// memory as one may take.
DebugInfo& SourceLines::info_of(const ElfImage& file) {
  const auto id = id_of(file);
  for (auto open = open_.begin(); open != open_.end(); ++open) {
    if (open->id != id)
      continue;
    open_.splice(open_.begin(), open_, open);
    return open_.front().info;
  }
  std::uint64_t total = DebugInfo::memory_for(file);
  std::size_t kept = 0;
  for (auto open = open_.begin(); open != open_.end();) {
    total += open->info.memory();
    open =
        total <= DebugInfo::kMaxMemory && ++kept < kMaxOpen ? std::next(open) : open_.erase(open);
  }
  open_.push_front({id, DebugInfo::open(file)});
  return open_.front().info;
}

} // namespace forkmon
