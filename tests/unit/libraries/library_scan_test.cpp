// SPDX-License-Identifier: MIT
#include "libraries/library_scan.h"

#include "libraries/compiled.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace forkmon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;

class LibraryScanTest : public Compiled {};

/// An allocator with the given prefix; `extra` is its start.
std::string jemalloc(const std::string& prefix, const std::string& extra) {
  return "static char heap[64]; int " + prefix + "mallctl(void) { return 0; }\n" + "void *" +
         prefix + "malloc(unsigned long n) { return heap + n % 64; }\n" + "void " + prefix +
         "free(void *p) { heap[0] = 1; }\n" + extra;
}

const std::string registers = R"(
  int pthread_atfork(void (*)(void), void (*)(void), void (*)(void));
  static void nothing(void) {}
  __attribute__((constructor)) static void start(void) { pthread_atfork(nothing, nothing, nothing); }
)";

const std::string empty_main = "int main(void) { return 0; }\n";

TEST_F(LibraryScanTest, AnAllocatorThatRegistersHandlersIsProtected) {
  const auto found = scan(compile_library("libjemalloc.so.2", jemalloc("", registers)));
  ASSERT_THAT(provider_names_of(found), ElementsAre("jemalloc"));
  EXPECT_EQ(found.providers[0].handlers, AtForkHandlers::registered);
  EXPECT_TRUE(found.registers_handlers);
  EXPECT_TRUE(function(found, "malloc").is_protected);
  EXPECT_EQ(function(found, "malloc").severity, Severity::warning);
}

TEST_F(LibraryScanTest, TheSameAllocatorBuiltWithoutHandlersIsNot) {
  const auto found = scan(compile_library("libjemalloc.so.2", jemalloc("", "")));
  ASSERT_THAT(provider_names_of(found), ElementsAre("jemalloc"));
  EXPECT_EQ(found.providers[0].handlers, AtForkHandlers::none);
  EXPECT_FALSE(found.registers_handlers);
  EXPECT_FALSE(function(found, "malloc").is_protected);
  EXPECT_EQ(function(found, "malloc").severity, Severity::high);
  EXPECT_EQ(function(found, "malloc").category, Category::allocator);
  EXPECT_EQ(function(found, "malloc").tier, Tier::hot);
}

TEST_F(LibraryScanTest, AnAllocatorBuiltIntoAProgramIsFoundByItsPrefixedNames) {
  for (const char* prefix : {"je_", "_rjem_"}) {
    const auto found = scan(compile("redis", jemalloc(prefix, empty_main), "gcc"));
    EXPECT_THAT(provider_names_of(found), ElementsAre("jemalloc"));
    EXPECT_THAT(names(found), Contains(Key(prefix + std::string("malloc"))));
    EXPECT_THAT(names(found), Contains(Key(prefix + std::string("free"))));
    EXPECT_EQ(function(found, prefix + std::string("malloc")).severity, Severity::high);
  }
}

TEST_F(LibraryScanTest, HandlersThatAnythingInAProgramRegistersAreLikelyItsAllocators) {
  const auto found = scan(compile("redis", jemalloc("je_", registers + empty_main), "gcc"));
  ASSERT_THAT(provider_names_of(found), ElementsAre("jemalloc"));
  EXPECT_EQ(found.providers[0].handlers, AtForkHandlers::likely);
  EXPECT_TRUE(function(found, "je_malloc").is_protected);
}

TEST_F(LibraryScanTest, AProgramThatInterposesMallocHasAnUnknownAllocator) {
  const std::string source = R"(
    static char heap[64];
    void *malloc(unsigned long n) { return heap; }
    void free(void *p) {}
    void *calloc(unsigned long n, unsigned long m) { heap[1] = 0; return heap; }
  )" + empty_main;
  const auto found = scan(compile("program", source, "gcc -fno-builtin"));
  EXPECT_THAT(provider_names_of(found), ElementsAre("unknown allocator"));
  EXPECT_THAT(names(found), ElementsAre(Pair("calloc", 1), Pair("free", 1), Pair("malloc", 1)));
  EXPECT_EQ(function(found, "malloc").severity, Severity::high);
}

TEST_F(LibraryScanTest, AnOrdinaryProgramProvidesNothing) {
  const auto found = scan(compile("plain",
                                  "#include <stdlib.h>\n#include <stdio.h>\n"
                                  "int main(void) { puts(malloc(9)); exit(0); }\n",
                                  "gcc -no-pie"));
  EXPECT_THAT(found.providers, IsEmpty());
  EXPECT_THAT(found.functions, IsEmpty());
  EXPECT_FALSE(found.registers_handlers);
}

TEST_F(LibraryScanTest, AStaticNamesakeOfMallocIsNotOne) {
  const auto found = scan(compile_library(
      "libx.so", "static __attribute__((noinline)) void *malloc(long n) { return (void*)n; }\n"
                 "static __attribute__((noinline)) void free(void *p) { asm volatile(\"\"); }\n"
                 "void *use(long n) { free(0); return malloc(n + 1); }\n"));
  EXPECT_THAT(found.functions, IsEmpty());
}

TEST_F(LibraryScanTest, AStaticGlibcProgramHasTheCLibrarysFunctions) {
  const auto found = scan(compile("static",
                                  "#include <stdlib.h>\n#include <unistd.h>\n"
                                  "int main(int c, char **v) { if (!fork()) { "
                                  "free(malloc(c)); setenv(v[0], v[0], 1); } exit(0); }\n",
                                  "gcc -static"));
  EXPECT_THAT(provider_names_of(found), ElementsAre("glibc"));
  for (const char* name : {"malloc", "free", "setenv", "exit"})
    EXPECT_THAT(names(found), Contains(Pair(name, 1)));
  EXPECT_TRUE(function(found, "malloc").is_protected);
  EXPECT_EQ(function(found, "setenv").severity, Severity::high);
}

TEST_F(LibraryScanTest, AStaticMuslProgramIsJudgedByMuslsFork) {
  const auto found = scan(compile("static",
                                  "#include <stdlib.h>\n#include <stdio.h>\n"
                                  "#include <unistd.h>\n"
                                  "int main(int c, char **v) { if (!fork()) { "
                                  "free(malloc(c)); setenv(v[0], v[0], 1); puts(v[0]); } "
                                  "exit(0); }\n",
                                  "musl-gcc -static"));
  ASSERT_THAT(provider_names_of(found), ElementsAre("musl"));
  EXPECT_EQ(found.providers[0].version, "1.2.2 or newer");
  EXPECT_TRUE(function(found, "malloc").is_protected);
  EXPECT_TRUE(function(found, "setenv").is_protected);
  EXPECT_EQ(function(found, "puts").severity, Severity::high) << "no fork of musl's frees FILEs";
}

TEST_F(LibraryScanTest, ADynamicMuslProgramProvidesNothingItself) {
  const auto found = scan(compile("dynamic", empty_main, "musl-gcc"));
  EXPECT_THAT(found.functions, IsEmpty());
}

TEST_F(LibraryScanTest, AnEntryThatHandsEveryCallOnIsLeftOut) {
  const std::string source = R"(
    #include <cstddef>
    static char heap[64];
    extern "C" int mallctl() { return 0; }
    extern "C" void* malloc(size_t n) { return heap + n % 64; }
    extern "C" void free(void*) { heap[0] = 1; }
    extern "C" void* calloc(size_t n, size_t m) { heap[1] = 2; return heap + n * m % 64; }
    void* operator new(size_t n) { heap[2] = 3; return heap + n % 64; }
    void* operator new[](size_t n) { return operator new(n); }
    void operator delete(void* p) noexcept { free(p); }
  )";
  const auto found = scan(compile_library("libjemalloc.so.2", source, "g++"));
  EXPECT_THAT(names(found), ElementsAre(Pair("calloc", 1), Pair("free", 1), Pair("mallctl", 1),
                                        Pair("malloc", 1), Pair("operator new", 1)));
}

TEST_F(LibraryScanTest, AliasesAreOnePlaceUnderTheFirstName) {
  const auto found = scan(compile_library("libtcmalloc.so.4", R"(
    void *tc_malloc(unsigned long n) { return (void *)(n + 1); }
    void *malloc(unsigned long n) __attribute__((alias("tc_malloc")));
    void tc_free(void *p) { asm volatile(""); }
    void free(void *p) __attribute__((alias("tc_free")));
  )"));
  EXPECT_THAT(provider_names_of(found), ElementsAre("gperftools tcmalloc"));
  EXPECT_THAT(names(found), ElementsAre(Pair("free", 1), Pair("malloc", 1)));
}

TEST_F(LibraryScanTest, AUsersFunctionsAreFoundByTheLibrarysNameAndGoFirst) {
  const std::string path = compile_library(
      "libpq.so.5", "int PQexec(void) { return 1; }\nint mine(void) { return 2; }\n");
  const std::vector<UserFunction> mine = {
      {"mine", "libpq.so*", Category::rpc, Severity::critical, "Don't."},
      {"PQexec", "libpq*", Category::database, Severity::info, "Ours is fine."},
      {"PQexec", "other.so", Category::network, Severity::high, "Of another library."}};
  const auto found = scan(path, mine);
  EXPECT_THAT(names(found), ElementsAre(Pair("PQexec", 1), Pair("mine", 1)));
  EXPECT_EQ(function(found, "mine").severity, Severity::critical);
  EXPECT_EQ(function(found, "mine").hint, "Don't.");
  EXPECT_EQ(function(found, "mine").category, Category::rpc);
  EXPECT_EQ(function(found, "PQexec").severity, Severity::info);
  EXPECT_EQ(function(found, "PQexec").provider, "libpq*");
}

TEST_F(LibraryScanTest, RefusesAFifoATextAndNothing) {
  const std::string fifo = path_of("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::ofstream(path_of("text")) << "no library";
  for (const std::string& path : {fifo, path_of("text"), path_of("missing")}) {
    const auto refused = ElfFile::open(path);
    ASSERT_FALSE(refused) << path;
    EXPECT_THAT(refused.error().message, HasSubstr(path));
  }
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Any result will do; what must not happen is a crash, which the sanitizers see best.
TEST_F(LibraryScanTest, SurvivesBrokenAllocators) {
  const std::string good = bytes_of(compile_library(
      "libjemalloc.so.2", jemalloc("", registers + "void *calloc(unsigned long n, unsigned long m) "
                                                   "{ return malloc(n * m); }\n")));
  const std::string path = path_of("broken");
  int readable = 0;
  for (std::size_t i = 0; i < 2000; ++i) {
    std::string broken = good;
    // Three bytes of the headers, tables and code, in a spread that every run repeats.
    for (std::size_t k = 1; k <= 3; ++k)
      broken[(i * 2654435761U * k) % broken.size()] = static_cast<char>(i * 31 + k * 0x7f);
    if (i % 5 == 0)
      broken.resize(broken.size() * (i % 97) / 97);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << broken;
    if (auto file = ElfFile::open(path)) {
      (void)scan_library(*file, path);
      readable++;
    }
  }
  EXPECT_GT(readable, 1000) << "most breaks leave the header alone, and the scan runs";
  EXPECT_LT(readable, 2000);
}

} // namespace
} // namespace forkmon
