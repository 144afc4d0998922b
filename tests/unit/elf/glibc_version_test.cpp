// SPDX-License-Identifier: MIT
#include "elf/glibc_version.h"

#include <gtest/gtest.h>

#include <string>

namespace forkmon {
namespace {

TEST(GlibcVersion, IsFoundInBanners) {
  EXPECT_EQ(
      find_glibc_banner("..GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"),
      (GlibcVersion{2, 36}));
  EXPECT_EQ(find_glibc_banner("GNU C Library (GNU libc) development release version 2.41.9000."),
            (GlibcVersion{2, 41}));
}

TEST(GlibcVersion, IsNotFoundInBrokenBanners) {
  EXPECT_FALSE(find_glibc_banner(""));
  EXPECT_FALSE(find_glibc_banner("GNU C Library "));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (x) stable release version "));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (x) stable release version 2"));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (x) stable release version 2."));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (x) stable release version -2.36"));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (x) stable release version 99999999999.1"));
  EXPECT_FALSE(find_glibc_banner("GNU C Library (" + std::string(1000, 'x') +
                                 ") stable release version 2.36"));
}

TEST(GlibcVersion, IsParsedFromSymbolVersions) {
  EXPECT_EQ(parse_symbol_version("GLIBC_2.36"), (GlibcVersion{2, 36}));
  EXPECT_EQ(parse_symbol_version("GLIBC_2.2.5"), (GlibcVersion{2, 2}));
  EXPECT_FALSE(parse_symbol_version("GLIBC_PRIVATE"));
  EXPECT_FALSE(parse_symbol_version("GLIBCXX_3.4"));
  EXPECT_FALSE(parse_symbol_version("libc.so.6"));
}

TEST(GlibcVersion, IsOrdered) {
  EXPECT_LT((GlibcVersion{2, 9}), (GlibcVersion{2, 36}));
}

} // namespace
} // namespace forkmon
