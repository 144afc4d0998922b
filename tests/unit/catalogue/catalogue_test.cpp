// SPDX-License-Identifier: MIT
#include "catalogue/catalogue.h"
#include "forkmon/wire.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace forkmon {
namespace {

using testing::IsEmpty;
using testing::Not;

constexpr LibcVersion bookworm{2, 36};

const CatalogueEntry* entry_of(std::string_view function) {
  const auto all = libc_catalogue();
  const auto it = std::ranges::find(all, function, &CatalogueEntry::function);
  return it == all.end() ? nullptr : &*it;
}

Severity severity_in(std::string_view function, LibcVersion libc) {
  const CatalogueEntry* entry = entry_of(function);
  EXPECT_NE(entry, nullptr) << function;
  return entry ? severity_of(*entry, libc) : Severity::info;
}

std::set<std::string_view> names() {
  std::set<std::string_view> result;
  for (const CatalogueEntry& entry : libc_catalogue())
    result.insert(entry.function);
  return result;
}

TEST(Catalogue, HasAtLeastNinetyFunctionsAndLeavesRoomForOtherLibraries) {
  EXPECT_GE(libc_catalogue().size(), 90u);
  EXPECT_LE(libc_catalogue().size(), FM_MAX_FUNCTIONS / 2u);
}

TEST(Catalogue, ListsEachFunctionOnce) {
  EXPECT_EQ(names().size(), libc_catalogue().size());
}

TEST(Catalogue, IsOrderedByCategory) {
  EXPECT_TRUE(std::ranges::is_sorted(libc_catalogue(), {}, &CatalogueEntry::category));
}

TEST(Catalogue, HasEveryCategoryAndEachHasAName) {
  std::set<Category> categories;
  std::set<std::string_view> spellings;
  for (const CatalogueEntry& entry : libc_catalogue()) {
    categories.insert(entry.category);
    spellings.insert(to_string(entry.category));
  }
  EXPECT_EQ(categories.size(), static_cast<std::size_t>(Category::process_creation));
  EXPECT_EQ(spellings.size(), categories.size());
  EXPECT_THAT(spellings, Not(testing::Contains("unknown")));
}

TEST(Catalogue, EveryLineSaysTheLockAndWhatToDo) {
  for (const CatalogueEntry& entry : libc_catalogue()) {
    EXPECT_THAT(entry.lock, Not(IsEmpty())) << entry.function;
    ASSERT_THAT(entry.hint, Not(IsEmpty())) << entry.function;
    EXPECT_EQ(entry.hint.back(), '.') << entry.function;
  }
}

TEST(Catalogue, HasNoFunctionThatPosixCallsSafe) {
  const std::set<std::string_view> listed = names();
  for (const char* safe :
       {"write",     "read",        "open",          "close",  "_exit",   "_Exit",
        "execve",    "execv",       "execl",         "execle", "dup",     "dup2",
        "sigaction", "sigprocmask", "waitpid",       "wait",   "kill",    "getpid",
        "pipe",      "fcntl",       "abort",         "setsid", "chdir",   "umask",
        "memcpy",    "strlen",      "clock_gettime", "poll",   "sem_post"})
    EXPECT_EQ(listed.count(safe), 0u) << safe;
}

TEST(Catalogue, PrefersTheUsualNameOfAnAlias) {
  EXPECT_LT(entry_of("getc"), entry_of("fgetc"));
  EXPECT_LT(entry_of("srandom"), entry_of("srand"));
}

TEST(Catalogue, PutsWhatProgramsCallAllTheTimeIntoTheHotTier) {
  for (const char* hot : {"malloc", "free", "calloc", "realloc", "pthread_mutex_lock", "sem_wait"})
    EXPECT_EQ(entry_of(hot)->tier, Tier::hot) << hot;
  for (const char* cold : {"exit", "setenv", "fopen", "getaddrinfo", "pthread_create"})
    EXPECT_EQ(entry_of(cold)->tier, Tier::cold) << cold;
}

TEST(Severity, IsHighForLocksThatNobodyRepairs) {
  for (const char* function :
       {"exit", "atexit", "__cxa_atexit", "setenv", "tzset", "localtime", "mktime", "getaddrinfo",
        "getpwnam", "syslog", "random", "iconv_open", "pthread_create", "thrd_create"})
    EXPECT_EQ(severity_in(function, bookworm), Severity::high) << function;
}

TEST(Severity, IsWarningForWhatForkRepairsAndForTheApplicationsOwnLocks) {
  for (const char* function : {"malloc", "free", "printf", "fopen", "fflush", "dlopen",
                               "pthread_mutex_lock", "sem_wait", "readdir"})
    EXPECT_EQ(severity_in(function, bookworm), Severity::warning) << function;
}

TEST(Severity, OfPopenDependsOnTheLibc) {
  EXPECT_EQ(severity_in("popen", {2, 36}), Severity::high);
  EXPECT_EQ(severity_in("popen", {2, 40}), Severity::high);
  EXPECT_EQ(severity_in("popen", {2, 41}), Severity::warning);
  EXPECT_EQ(severity_in("popen", {3, 0}), Severity::warning);
  EXPECT_EQ(severity_in("popen", {}), Severity::high) << "an unknown libc repairs nothing new";
}

TEST(IsRepaired, IsTrueForLocksOfTheLibraryOnly) {
  EXPECT_TRUE(is_repaired(*entry_of("malloc"), bookworm));
  EXPECT_TRUE(is_repaired(*entry_of("popen"), {2, 41}));
  EXPECT_FALSE(is_repaired(*entry_of("popen"), bookworm));
  EXPECT_FALSE(is_repaired(*entry_of("exit"), {2, 41}));
  EXPECT_FALSE(is_repaired(*entry_of("pthread_mutex_lock"), bookworm));
}

TEST(Names, AreTheContracts) {
  EXPECT_EQ(to_string(Category::name_service), "name_service");
  EXPECT_EQ(to_string(Category::allocator), "allocator");
  EXPECT_STREQ(to_string(Severity::info), "info");
  EXPECT_STREQ(to_string(Severity::warning), "warning");
  EXPECT_STREQ(to_string(Severity::high), "high");
  EXPECT_STREQ(to_string(Severity::critical), "critical");
  EXPECT_STREQ(to_string(Evidence::uprobe), "uprobe");
  EXPECT_STREQ(to_string(Evidence::page_fault), "page_fault");
  EXPECT_STREQ(to_string(Outcome::exec), "exec");
  EXPECT_STREQ(to_string(Outcome::exit), "exit");
  EXPECT_STREQ(to_string(Outcome::signal), "signal");
  EXPECT_STREQ(to_string(Outcome::alive), "alive");
}

} // namespace
} // namespace forkmon
