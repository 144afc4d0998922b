// SPDX-License-Identifier: MIT
#include "symbols/jit_map.h"

#include "process/namespace_pid.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr off_t kMaxFileBytes = off_t{16} << 20;
constexpr std::size_t kMaxEntries = 200000;
constexpr std::size_t kMaxNameBytes = 512;

bool number(std::string_view& line, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc{} || end == line.data() + line.size() || *end != ' ')
    return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  return true;
}

} // namespace

Result<RegularFile> JitMap::open(pid_t pid) {
  const auto path = fmt::format("/tmp/perf-{}.map", tid_in_its_namespace(pid, pid));
  struct stat process {};
  if (stat(fmt::format("/proc/{}", pid).c_str(), &process) != 0)
    return Error{fmt::format("process {} is gone", pid)};
  auto file = open_in_root_of(pid, path);
  if (!file)
    return file;
  if (file->status.st_uid != 0 && file->status.st_uid != process.st_uid)
    return Error{path + ": belongs to another user"};
  if (file->status.st_size > kMaxFileBytes)
    return Error{path + ": larger than 16 MiB"};
  return file;
}

Result<JitMap> JitMap::of(pid_t pid) {
  auto file = open(pid);
  if (!file)
    return file.error();
  JitMap map;
  map.pid_ = pid;
  map.file_ = *std::move(file);
  map.read_entries();
  return map;
}

void JitMap::read_entries() {
  std::array<char, 65536> chunk;
  std::string line;
  off_t offset = 0;
  off_t line_offset = 0;
  ssize_t size = 0;
  while (offset < kMaxFileBytes &&
         (size = pread(file_.fd.get(), chunk.data(), chunk.size(), offset)) > 0) {
    for (const char letter : std::string_view(chunk.data(), static_cast<std::size_t>(size))) {
      ++offset;
      if (letter != '\n') {
        line += letter;
        continue;
      }
      add_line(line, static_cast<std::uint32_t>(line_offset));
      line.clear();
      line_offset = offset;
    }
  }
  std::ranges::stable_sort(entries_, {}, &Entry::address);
}

void JitMap::add_line(std::string_view line, std::uint32_t offset) {
  Entry entry{};
  std::string_view rest = line;
  if (entries_.size() >= kMaxEntries || !number(rest, entry.address) || !number(rest, entry.size))
    return;
  entry.name_offset = offset + static_cast<std::uint32_t>(line.size() - rest.size());
  entry.name_size = static_cast<std::uint32_t>(std::min(rest.size(), kMaxNameBytes));
  entries_.push_back(entry);
}

std::optional<std::string> JitMap::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(entries_, address, {}, &Entry::address);
  if (after == entries_.begin() || address - std::prev(after)->address >= std::prev(after)->size)
    return {};
  const Entry& entry = *std::prev(after);
  std::string name(entry.name_size, '\0');
  const auto got = pread(file_.fd.get(), name.data(), name.size(), entry.name_offset);
  name.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return name;
}

bool JitMap::is_same_file(pid_t pid) const {
  const auto file = pid == pid_ ? open(pid) : Result<RegularFile>(Error{});
  return file && file->status.st_dev == file_.status.st_dev &&
         file->status.st_ino == file_.status.st_ino &&
         file->status.st_size == file_.status.st_size &&
         file->status.st_mtim.tv_sec == file_.status.st_mtim.tv_sec &&
         file->status.st_mtim.tv_nsec == file_.status.st_mtim.tv_nsec;
}

} // namespace forkmon
