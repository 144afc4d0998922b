// SPDX-License-Identifier: MIT
//
// Against Debian's own packages: tests/run.sh installs them.
#include "libraries/compiled.h"
#include "libraries/process_report.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

/// Where the compiler's linker would find the library, by the first of its sonames that there is.
std::string installed(std::initializer_list<std::string> sonames) {
  for (const std::string& soname : sonames)
    for (const char* directory : {"/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/"})
      if (std::filesystem::exists(directory + soname))
        return directory + soname;
  ADD_FAILURE() << *sonames.begin() << " is not installed: see deploy/packages.txt";
  return {};
}

std::string musl_libc() {
  for (const char* path : {"/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"})
    if (std::filesystem::exists(path))
      return path;
  ADD_FAILURE() << "musl is not installed: see deploy/packages.txt";
  return {};
}

AtForkHandlers handlers_of(const LibraryScan& scan) {
  return scan.providers.empty() ? AtForkHandlers::none : scan.providers[0].handlers;
}

TEST(RealGlibc, HasNearlyTheWholeCatalogue) {
  const auto found = scan(installed({"libc.so.6"}));
  ASSERT_THAT(provider_names_of(found), ElementsAre("glibc"));
  EXPECT_EQ(found.providers[0].handlers, AtForkHandlers::in_fork);
  EXPECT_THAT(found.providers[0].version, testing::MatchesRegex("2\\.[0-9]+"));
  EXPECT_GT(found.functions.size(), 130u);
  EXPECT_THAT(names(found), AllOf(Contains(Pair("reallocarray", 1)), Contains(Pair("exit", 1))));
}

TEST(RealMusl, IsFoundWithoutASonameAndCountsACallOnce) {
  const auto found = scan(musl_libc());
  ASSERT_THAT(provider_names_of(found), ElementsAre("musl"));
  EXPECT_EQ(found.providers[0].version, "1.2.2 or newer");
  EXPECT_TRUE(function(found, "malloc").is_protected);
  EXPECT_TRUE(function(found, "atexit").is_protected);
  EXPECT_FALSE(function(found, "printf").is_protected);
  // They call malloc, realloc and aligned_alloc, which are counted.
  EXPECT_THAT(names(found), AllOf(Not(Contains(Key("calloc"))), Not(Contains(Key("reallocarray"))),
                                  Not(Contains(Key("valloc"))), Contains(Key("aligned_alloc"))));
}

TEST(RealJemalloc, RegistersHandlersAndHandsDeleteOnToFree) {
  const auto found = scan(installed({"libjemalloc.so.2"}));
  ASSERT_THAT(provider_names_of(found), ElementsAre("jemalloc"));
  EXPECT_EQ(handlers_of(found), AtForkHandlers::registered);
  EXPECT_TRUE(function(found, "malloc").is_protected);
  EXPECT_THAT(names(found), AllOf(Contains(Key("free")), Contains(Key("operator new")),
                                  Not(Contains(Key("operator new[]")))));
}

TEST(RealGperftools, RegistersHandlersThroughAWeakReference) {
  const auto found = scan(installed({"libtcmalloc_minimal.so.4"}));
  ASSERT_THAT(provider_names_of(found), ElementsAre("gperftools tcmalloc"));
  EXPECT_EQ(handlers_of(found), AtForkHandlers::registered);
  EXPECT_THAT(names(found), AllOf(Contains(Pair("malloc", 1)), Not(Contains(Key("tc_malloc")))));
}

TEST(RealMimalloc, RegistersNone) {
  const auto found = scan(installed({"libmimalloc.so.3", "libmimalloc.so.2"}));
  ASSERT_THAT(provider_names_of(found), ElementsAre("mimalloc"));
  EXPECT_EQ(handlers_of(found), AtForkHandlers::none);
  EXPECT_EQ(function(found, "malloc").severity, Severity::high);
  EXPECT_FALSE(function(found, "free").is_protected);
}

TEST(RealGomp, RegistersNone) {
  const auto found = scan(installed({"libgomp.so.1"}));
  ASSERT_THAT(provider_names_of(found), ElementsAre("GNU OpenMP"));
  EXPECT_EQ(function(found, "GOMP_parallel").category, Category::openmp);
  EXPECT_EQ(function(found, "GOMP_parallel").severity, Severity::high);
}

TEST(RealLibstdcxx, ForwardsToMallocAndIsNoProvider) {
  EXPECT_THAT(scan(installed({"libstdc++.so.6"})).functions, IsEmpty());
}

class ProcessReportTest : public Compiled {};

TEST_F(ProcessReportTest, NamesProvidersOtherHandlersAndWhatCannotBeRead) {
  const std::string other = compile_library("libother.so", R"(
    int pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
    void start(void) { pthread_atfork(0, 0, 0); }
  )");
  ProcessReport report;
  for (const auto& [path, ours] :
       {std::pair("/container/libc.so.6", installed({"libc.so.6"})),
        std::pair("/container/libjemalloc.so.2", installed({"libjemalloc.so.2"})),
        std::pair("/container/libother.so", other),
        std::pair("/container/gone.so", path_of("gone.so"))})
    report_library(report, path, open_regular(ours));
  ASSERT_EQ(report.providers.size(), 2u);
  EXPECT_EQ(report.providers[0].path, "/container/libc.so.6");
  EXPECT_EQ(report.providers[1].provider.name, "jemalloc");
  EXPECT_EQ(to_text(report.providers[1].provider.handlers), "registers at-fork handlers");
  EXPECT_THAT(report.other_handlers, ElementsAre("/container/libother.so"));
  EXPECT_THAT(report.unreadable, ElementsAre(testing::HasSubstr("gone.so")));
}

} // namespace
} // namespace forkmon
