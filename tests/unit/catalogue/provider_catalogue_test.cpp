// SPDX-License-Identifier: MIT
#include "catalogue/provider_catalogue.h"

#include "forkmon/wire.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

namespace forkmon {
namespace {

using testing::IsEmpty;
using testing::Not;

const CatalogueEntry& in_musl(std::string_view function) {
  const auto all = musl_catalogue();
  const auto found = std::ranges::find(all, function, &CatalogueEntry::function);
  EXPECT_NE(found, all.end()) << function;
  return *found;
}

TEST(Providers, HaveNamesAndEachATellTaleSign) {
  std::set<std::string_view> names;
  for (const Provider& provider : providers()) {
    EXPECT_TRUE(names.insert(provider.name).second) << provider.name;
    EXPECT_FALSE(provider.sonames.empty() && provider.marks.empty()) << provider.name;
    ASSERT_FALSE(provider.prefixes.empty()) << provider.name;
    EXPECT_EQ(provider.prefixes[0], "") << provider.name;
  }
}

TEST(Providers, PutAllocatorsBeforeTheCLibrariesWhoseMallocTheyReplace) {
  EXPECT_TRUE(std::ranges::is_sorted(providers(), {}, &Provider::kind));
}

TEST(Providers, ListEachFunctionOnceAndSayLockAndHint) {
  for (const Provider& provider : providers()) {
    std::set<std::string_view> names;
    for (const CatalogueEntry& entry : provider.functions) {
      EXPECT_TRUE(names.insert(entry.function).second) << provider.name << " " << entry.function;
      EXPECT_THAT(entry.lock, Not(IsEmpty())) << entry.function;
      ASSERT_THAT(entry.hint, Not(IsEmpty())) << entry.function;
      EXPECT_EQ(entry.hint.back(), '.') << entry.function;
    }
  }
}

/// All of a process's libraries together must find room in the table of functions.
TEST(Providers, FitOneProcess) {
  std::size_t functions = libc_catalogue().size();
  for (const Provider& provider : library_providers())
    functions += provider.functions.size();
  for (const Provider& provider : allocator_providers())
    functions += provider.functions.size();
  EXPECT_LT(functions, std::size_t{FM_MAX_FUNCTIONS});
}

TEST(Forwards, NeverLeadBack) {
  for (const Forward& there : forwards())
    for (const Forward& back : forwards())
      EXPECT_FALSE(there.from == back.to && there.to == back.from) << there.from;
}

TEST(PerBuild, DecidesProtectionAndSeverity) {
  const CatalogueEntry& malloc = unknown_allocator().functions[0];
  ASSERT_EQ(malloc.repair, Repair::per_build);
  EXPECT_FALSE(is_repaired(malloc, {}, false));
  EXPECT_TRUE(is_repaired(malloc, {}, true));
  EXPECT_EQ(severity_of(malloc, {}, false), Severity::high);
  EXPECT_EQ(severity_of(malloc, {}, true), Severity::warning);
}

TEST(Musl, HasTheSameFunctionsWithLocksOfItsOwn) {
  ASSERT_EQ(musl_catalogue().size(), libc_catalogue().size());
  EXPECT_EQ(in_musl("malloc").repair, Repair::per_build);
  EXPECT_EQ(in_musl("atexit").lock, "atexit lock");
  EXPECT_EQ(in_musl("atexit").repair, Repair::per_build);
  EXPECT_EQ(in_musl("printf").repair, Repair::no);
  EXPECT_EQ(in_musl("exit").repair, Repair::no);
  EXPECT_EQ(in_musl("getaddrinfo").repair, Repair::yes);
  EXPECT_EQ(in_musl("pthread_create").repair, Repair::no);
  EXPECT_EQ(in_musl("pthread_mutex_lock").repair, Repair::application);
}

/// A lock name that only glibc has must not slip through when its table changes.
TEST(Musl, NamesNoLockOfGlibcs) {
  for (const CatalogueEntry& entry : musl_catalogue()) {
    EXPECT_EQ(entry.lock.find("__libc"), std::string_view::npos) << entry.function;
    EXPECT_EQ(entry.lock.find("NSS"), std::string_view::npos) << entry.function;
    EXPECT_EQ(entry.lock.find("_dl_"), std::string_view::npos) << entry.function;
    EXPECT_NE(entry.repair, Repair::since_2_41) << entry.function;
  }
}

TEST(Categories, AreReadAsTheyAreWritten) {
  for (const Provider& provider : providers())
    for (const CatalogueEntry& entry : provider.functions)
      EXPECT_EQ(parse_category(to_string(entry.category)), entry.category);
  EXPECT_EQ(parse_category("rpc"), Category::rpc);
  EXPECT_EQ(parse_category("RPC"), std::nullopt);
  EXPECT_EQ(parse_category(""), std::nullopt);
}

} // namespace
} // namespace forkmon
