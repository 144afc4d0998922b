// SPDX-License-Identifier: MIT
/// Which glibc release a string names.
#pragma once

#include <optional>
#include <string_view>

namespace forkmon {

struct GlibcVersion {
  int major = 0;
  int minor = 0;

  friend auto operator<=>(const GlibcVersion&, const GlibcVersion&) = default;
};

/// The release in glibc's banner ("GNU C Library (…) stable release version 2.36."), which is
/// searched for in `bytes`. Source: csu/version.c of glibc.
std::optional<GlibcVersion> find_glibc_banner(std::string_view bytes);

/// "GLIBC_2.36" or "GLIBC_2.2.5" as {2, 36} or {2, 2}. Nothing for "GLIBC_PRIVATE" and others.
std::optional<GlibcVersion> parse_symbol_version(std::string_view version);

} // namespace forkmon
