// SPDX-License-Identifier: MIT
#include "elf/glibc_version.h"

#include <charconv>

namespace forkmon {
namespace {

std::optional<GlibcVersion> parse_version(std::string_view text) {
  GlibcVersion version;
  const char* end = text.data() + text.size();
  auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.')
    return std::nullopt;
  auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || version.major < 0 || version.minor < 0)
    return std::nullopt;
  return version;
}

} // namespace

std::optional<GlibcVersion> find_glibc_banner(std::string_view bytes) {
  constexpr std::string_view start = "GNU C Library ";
  constexpr std::string_view release = " release version ";
  constexpr std::size_t banner_max = 256; // the packager's name stands between the two
  std::size_t begin = bytes.find(start);
  if (begin == std::string_view::npos)
    return std::nullopt;
  std::string_view banner = bytes.substr(begin, banner_max);
  std::size_t version = banner.find(release);
  if (version == std::string_view::npos)
    return std::nullopt;
  return parse_version(banner.substr(version + release.size()));
}

std::optional<GlibcVersion> parse_symbol_version(std::string_view version) {
  constexpr std::string_view prefix = "GLIBC_";
  if (!version.starts_with(prefix))
    return std::nullopt;
  return parse_version(version.substr(prefix.size()));
}

} // namespace forkmon
