// SPDX-License-Identifier: MIT
#include "catalogue/function_table.h"
#include "forkmon/wire.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

ProbedFunction function(const std::string& name, const std::string& library) {
  ProbedFunction result;
  result.function = name;
  result.provider = library;
  return result;
}

TEST(FunctionTable, GivesIdsFromZeroUp) {
  FunctionTable table;
  EXPECT_EQ(*table.add(function("malloc", "libc.so.6")), 0u);
  EXPECT_EQ(*table.add(function("free", "libc.so.6")), 1u);
  EXPECT_EQ(table.size(), 2u);
  ASSERT_EQ(table.all().size(), 2u);
  EXPECT_EQ(table.all()[1].function, "free");
}

TEST(FunctionTable, FindsWhatItGaveOutAndNothingElse) {
  FunctionTable table;
  const FunctionId id = *table.add(function("malloc", "libc.so.6"));
  ASSERT_NE(table.find(id), nullptr);
  EXPECT_EQ(table.find(id)->function, "malloc");
  EXPECT_EQ(table.find(id + 1), nullptr);
  EXPECT_EQ(table.find(~0u), nullptr);
}

TEST(FunctionTable, KeepsOneIdForAFunctionOfALibrary) {
  FunctionTable table;
  const FunctionId libc = *table.add(function("malloc", "libc.so.6"));
  const FunctionId jemalloc = *table.add(function("malloc", "libjemalloc.so.2"));
  EXPECT_NE(libc, jemalloc);
  EXPECT_EQ(*table.add(function("malloc", "libc.so.6")), libc);
  EXPECT_EQ(table.size(), 2u);
}

TEST(FunctionTable, TellsApartWhatFindingsSayDifferently) {
  FunctionTable table;
  ProbedFunction popen = function("popen", "glibc");
  const FunctionId old_glibc = *table.add(popen);
  popen.is_protected = true; // since 2.41
  EXPECT_NE(*table.add(popen), old_glibc);
}

TEST(FunctionTable, NumbersLibrariesFromOneUp) {
  FunctionTable table;
  EXPECT_EQ(table.find_library(0), nullptr);
  EXPECT_EQ(table.find_library(1), nullptr);
  const LibraryId host = table.add_library("/lib/libc.so.6");
  EXPECT_EQ(host, 1);
  EXPECT_EQ(table.add_library("/snap/lib/libc.so.6"), 2);
  EXPECT_EQ(table.add_library("/lib/libc.so.6"), host);
  EXPECT_EQ(*table.find_library(host), "/lib/libc.so.6");
}

TEST(FunctionTable, GivesNoIdToMoreLibrariesThanFit) {
  FunctionTable table;
  for (int i = 1; i < FM_MAX_LIBRARIES; ++i)
    ASSERT_EQ(table.add_library(std::to_string(i)), i);
  EXPECT_EQ(table.add_library("one too many"), 0);
  EXPECT_EQ(table.add_library("7"), 7);
}

TEST(FunctionTable, RefusesMoreThanTheKernelSideHasRoomFor) {
  FunctionTable table;
  for (int i = 0; i < FM_MAX_FUNCTIONS; ++i)
    ASSERT_TRUE(table.add(function("f" + std::to_string(i), "lib")));
  const auto refused = table.add(function("one too many", "lib"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("512"), std::string::npos);
  EXPECT_TRUE(table.add(function("f7", "lib"))) << "a known one needs no room";
  EXPECT_EQ(table.size(), std::size_t{FM_MAX_FUNCTIONS});
}

} // namespace
} // namespace forkmon
