// SPDX-License-Identifier: MIT
// Real files of this machine, checked against what the dynamic linker says.
#include "elf/elf_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace forkmon {
namespace {

using namespace std::string_view_literals;
using ::testing::Contains;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

/// The libc of this process: its file, and where it is mapped.
struct LoadedLibc {
  std::string path;
  std::uint64_t base = 0;

  LoadedLibc() {
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* self) {
          if (std::string_view(info->dlpi_name).find("/libc.so.6") != std::string_view::npos)
            *static_cast<LoadedLibc*>(self) = LoadedLibc(info->dlpi_name, info->dlpi_addr);
          return 0;
        },
        this);
  }

private:
  LoadedLibc(const char* name, std::uint64_t address) : path(name), base(address) {}
};

ElfFile open_or_die(const std::string& path) {
  auto file = ElfFile::open(path);
  if (!file) {
    ADD_FAILURE() << file.error().message;
    std::abort();
  }
  return std::move(*file);
}

/// The default symbol of a name in libc, from the dynamic linker.
std::uint64_t linker_address(const char* name) {
  static void* libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<std::uint64_t>(dlsym(libc, name));
}

/// The file offset that is mapped at an address of this process, from /proc/self/maps.
std::uint64_t mapped_offset(std::uint64_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t offset = 0;
    int fields = std::sscanf(line.c_str(), "%lx-%lx %*4c %lx", &start, &end, &offset);
    if (fields == 3 && address >= start && address < end)
      return address - start + offset;
  }
  return UINT64_MAX;
}

constexpr std::string_view plain_functions[] = {
    "malloc", "calloc",   "realloc", "free",   "exit",         "setenv", "getenv",
    "fopen",  "vfprintf", "puts",    "fflush", "pthread_once", "atexit", "getaddrinfo",
    "popen",  "tzset",    "syslog",  "random", "dlopen",       "qsort"};

TEST(ElfFile, FindsFunctionsWhereTheDynamicLinkerFindsThem) {
  LoadedLibc libc;
  ElfFile file = open_or_die(libc.path);
  std::size_t checked = 0;
  for (std::string_view name : plain_functions) {
    auto found = file.find({&name, 1});
    std::uint64_t address = linker_address(std::string(name).c_str());
    if (address == 0) {
      EXPECT_TRUE(found.empty()) << name; // atexit is in libc_nonshared.a
      continue;
    }
    ASSERT_FALSE(found.empty()) << name;
    EXPECT_EQ(found.front().vaddr, address - libc.base) << name;
    EXPECT_GT(found.front().size, 0u) << name;
    EXPECT_TRUE(found.front().is_default) << name;
    EXPECT_FALSE(found.front().is_local) << name;
    ++checked;
  }
  EXPECT_GE(checked, 18u);
}

TEST(ElfFile, FileOffsetsAreThoseOfTheKernelsMappings) {
  LoadedLibc libc;
  auto found = open_or_die(libc.path).find(plain_functions);
  ASSERT_GE(found.size(), 18u);
  for (const FunctionSymbol& function : found)
    EXPECT_EQ(function.file_offset, mapped_offset(libc.base + function.vaddr)) << function.name;
}

TEST(ElfFile, KeepsTheOrderAskedFor) {
  constexpr std::string_view names[] = {"setenv", "no_such_function", "malloc", "free"};
  auto found = open_or_die(LoadedLibc().path).find(names);
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].name, "setenv");
  EXPECT_EQ(found[1].name, "malloc");
  EXPECT_EQ(found[2].name, "free");
}

#if defined(__x86_64__)
TEST(ElfFile, PrefersTheDefaultVersionAndFlagsTheOldOne) {
  constexpr std::string_view name = "posix_spawn"; // @@GLIBC_2.15 and @GLIBC_2.2.5
  LoadedLibc libc;
  auto found = open_or_die(libc.path).find({&name, 1});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_TRUE(found[0].is_default);
  EXPECT_FALSE(found[1].is_default);
  EXPECT_EQ(found[0].vaddr, linker_address("posix_spawn") - libc.base);
  void* old = dlvsym(RTLD_DEFAULT, "posix_spawn", "GLIBC_2.2.5");
  EXPECT_EQ(found[1].vaddr, reinterpret_cast<std::uint64_t>(old) - libc.base);
}

TEST(ElfFile, FlagsIfuncs) {
  constexpr std::string_view names[] = {"time", "malloc"};
  auto found = open_or_die(LoadedLibc().path).find(names);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_TRUE(found[0].is_ifunc);
  EXPECT_FALSE(found[1].is_ifunc);
}
#endif

TEST(ElfFile, DescribesLibc) {
  ElfFile file = open_or_die(LoadedLibc().path);
  EXPECT_EQ(file.kind(), ElfKind::shared);
  EXPECT_EQ(file.soname(), "libc.so.6");
  EXPECT_THAT(file.needed(), Contains(MatchesRegex("ld-linux.*")));
  EXPECT_THAT(file.build_id(), MatchesRegex("[0-9a-f]{40}"));
  auto version = file.glibc_version();
  ASSERT_TRUE(version);
  EXPECT_EQ(*version, (GlibcVersion{__GLIBC__, __GLIBC_MINOR__}));
}

TEST(ElfFile, DescribesThisProgram) {
  ElfFile file = open_or_die("/proc/self/exe");
  EXPECT_EQ(file.kind(), ElfKind::pie);
  EXPECT_THAT(file.interpreter(), MatchesRegex("/.*ld-linux.*"));
  EXPECT_THAT(file.needed(), Contains("libc.so.6"));
  EXPECT_EQ(file.soname(), "");
  EXPECT_FALSE(file.glibc_version());
}

extern "C" __attribute__((noinline, used)) int forkmon_test_exported(int x) {
  return x + 1;
}
__attribute__((noinline, used)) static int forkmon_test_static(int x) {
  asm volatile("");
  return x + 2;
}

TEST(ElfFile, ReadsTheStaticSymbolTable) {
  constexpr std::string_view names[] = {"forkmon_test_exported"};
  auto found = open_or_die("/proc/self/exe").find(names);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_FALSE(found[0].is_local);
  dl_phdr_info self{};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<dl_phdr_info*>(out) = *info;
        return 1; // the first is the program
      },
      &self);
  EXPECT_EQ(found[0].vaddr + self.dlpi_addr,
            reinterpret_cast<std::uint64_t>(&forkmon_test_exported));
}

TEST(ElfFile, FlagsLocalSymbols) {
  constexpr std::string_view name = "_ZN7forkmon12_GLOBAL__N_1L19forkmon_test_staticEi";
  EXPECT_EQ(forkmon_test_static(1), 3);
  auto found = open_or_die("/proc/self/exe").find({&name, 1});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].is_local);
}

TEST(ElfFile, KnowsImports) {
  ElfFile file = open_or_die("/proc/self/exe");
  EXPECT_TRUE(file.imports("dl_iterate_phdr"));
  EXPECT_FALSE(file.imports("forkmon_test_exported"));
  EXPECT_FALSE(file.imports("no_such_function"));
  EXPECT_FALSE(open_or_die(LoadedLibc().path).imports("malloc"));
}

TEST(ElfFile, UndefinedSymbolsAreNoFunctions) {
  constexpr std::string_view name = "dl_iterate_phdr";
  EXPECT_THAT(open_or_die("/proc/self/exe").find({&name, 1}), SizeIs(0));
}

TEST(ElfFile, ReadIsBounded) {
  ElfFile file = open_or_die("/proc/self/exe");
  auto magic = file.read(0, 4);
  ASSERT_TRUE(magic);
  EXPECT_EQ((*magic)[1], std::byte{'E'});
  EXPECT_FALSE(file.read(UINT64_MAX - 8, 16));
  EXPECT_FALSE(file.read(std::uint64_t{1} << 40, 16));
  EXPECT_FALSE(file.read(0, std::size_t{1} << 40));
}

TEST(ElfFile, TakesADescriptor) {
  auto file = ElfFile::from_fd(Fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), "it");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->kind(), ElfKind::pie);
}

} // namespace
} // namespace forkmon
