// SPDX-License-Identifier: MIT
#include "process/address_space.h"

#include "process/proc.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr std::size_t kMaxLines = 65536;
constexpr std::size_t kMaxMapsBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxPathBytes = 4096;

/// Splits numbers and words off the front of a line.
class LineParser {
public:
  explicit LineParser(std::string_view line) : rest_(line) {}

  template <typename T>
  bool number(T& value, int base, char separator) {
    const auto [end, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    if (error != std::errc{} || end == rest_.data() + rest_.size() || *end != separator)
      return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()) + 1);
    return true;
  }

  std::string_view take(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  /// What is left after the padding that the kernel puts before the path.
  std::string_view path() const {
    const auto begin = rest_.find_first_not_of(' ');
    return begin == std::string_view::npos ? std::string_view{} : rest_.substr(begin);
  }

private:
  std::string_view rest_;
};

/// The kernel writes a newline in a path as \012, and nothing else is escaped.
std::string unescape(std::string_view path) {
  std::string result;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_newline = path.substr(i, 4) == "\\012";
    result += is_newline ? '\n' : path[i];
    i += is_newline ? 3 : 0;
  }
  return result;
}

std::optional<Mapping> parse_line(std::string_view line) {
  Mapping mapping;
  unsigned major_number = 0;
  unsigned minor_number = 0;
  LineParser parser(line);
  if (!parser.number(mapping.start, 16, '-') || !parser.number(mapping.end, 16, ' '))
    return {};
  const auto permissions = parser.take(5);
  if (permissions.size() != 5 || permissions[4] != ' ')
    return {};
  if (!parser.number(mapping.file_offset, 16, ' ') || !parser.number(major_number, 16, ':') ||
      !parser.number(minor_number, 16, ' ') || !parser.number(mapping.inode, 10, ' '))
    return {};
  if (mapping.start >= mapping.end || parser.path().size() > kMaxPathBytes)
    return {};
  mapping.dev = makedev(major_number, minor_number);
  mapping.readable = permissions[0] == 'r';
  mapping.writable = permissions[1] == 'w';
  mapping.executable = permissions[2] == 'x';
  mapping.is_shared = permissions[3] == 's';
  mapping.path = unescape(parser.path());
  return mapping;
}

} // namespace

Result<AddressSpace> AddressSpace::of(pid_t pid) {
  auto text = read_proc_file(fmt::format("/proc/{}/maps", pid), kMaxMapsBytes);
  if (!text)
    return text.error();
  return parse(*text, pid);
}

AddressSpace AddressSpace::parse(std::string_view text, pid_t pid) {
  AddressSpace space;
  space.pid_ = pid;
  for (std::size_t lines = 0; lines < kMaxLines && !text.empty(); ++lines) {
    const auto end = std::min(text.find('\n'), text.size());
    // The kernel ends the inode with a space even where no path follows; others do not.
    auto mapping = parse_line(std::string(text.substr(0, end)) + ' ');
    if (mapping) {
      if (!mapping->path.empty())
        mapping->path.pop_back(); // the space added above
      space.mappings_.push_back(std::move(*mapping));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::ranges::stable_sort(space.mappings_, {}, &Mapping::start);
  return space;
}

const Mapping* AddressSpace::find(std::uint64_t address) const {
  auto after = std::ranges::upper_bound(mappings_, address, {}, &Mapping::start);
  if (after == mappings_.begin())
    return nullptr;
  const Mapping& mapping = *std::prev(after);
  return address < mapping.end ? &mapping : nullptr;
}

} // namespace forkmon
