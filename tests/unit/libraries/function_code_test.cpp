// SPDX-License-Identifier: MIT
#include "libraries/function_code.h"

#include "elf/elf_file.h"
#include "libraries/compiled.h"

#include <gmock/gmock.h>

#include <set>

namespace forkmon {
namespace {

using testing::Contains;
using testing::IsEmpty;

/// A stripped library that the scan takes for glibc, for it is named so.
class FunctionCodeTest : public Compiled {
protected:
  void SetUp() override {
    Compiled::SetUp();
    with_symbols_ =
        compile_library("libc.so.6", source, "gcc -falign-functions=16 -fno-toplevel-reorder");
    stripped_ = path_of("stripped");
    ASSERT_EQ(std::system(("strip -o " + stripped_ + " " + with_symbols_).c_str()), 0);
  }

  /// The functions whose code holds the start of the symbol.
  std::set<std::string> owners_of(const std::string& symbol) {
    const std::uint64_t offset = offset_of(symbol);
    const LibraryScan found = scan(stripped_);
    const auto code = code_of(*ElfFile::open(stripped_), found);
    std::set<std::string> owners;
    for (const FunctionCode& piece : code)
      if (offset >= piece.start && offset < piece.end)
        owners.insert(found.functions[piece.function].function.function);
    return owners;
  }

private:
  std::uint64_t offset_of(const std::string& symbol) {
    const std::string_view name = symbol;
    const auto file = ElfFile::open(with_symbols_);
    const auto found = file->find(std::span(&name, 1));
    EXPECT_EQ(found.size(), 1u) << symbol;
    return found.empty() ? 0 : found[0].file_offset;
  }

  static constexpr const char* source = R"(
    #define INSIDE __attribute__((noinline, noclone)) static
    volatile int lock, heap;
    int first_of_all(void) { return heap; }
    INSIDE void grow(void) { heap = heap * 3 + lock; }
    INSIDE void take(void) { heap++; grow(); lock = heap; }
    INSIDE void give(void) { heap--; lock = heap * 7; }
    INSIDE void everybodys(void) { lock = lock * 5 + 1; }
    INSIDE void stdios(void) { heap ^= lock; }
    INSIDE void aligns(void) { heap = heap * 5 + 7; lock = heap; }
    INSIDE void computes(void) { heap = heap * 9 + 2; lock ^= heap; }
    INSIDE void converts(void) { computes(); heap = heap * 11; }
    INSIDE void sets(void) { heap = heap * 13; lock = heap + 1; }
    INSIDE void deep4(void) { heap = heap * 17; lock ^= 4; }
    INSIDE void deep3(void) { deep4(); heap = heap * 17; }
    INSIDE void deep2(void) { deep3(); heap = heap * 19; }
    INSIDE void deep1(void) { deep2(); heap = heap * 23; }
    void *malloc(unsigned long n) { lock = n; everybodys(); take(); return (void *)&heap; }
    void *calloc(unsigned long n, unsigned long m) { lock = n; take(); return (void *)&lock; }
    void free(void *p) { lock = 1; give(); lock = 2; }
    int fork(void) { everybodys(); return lock; }
    int puts(const char *s) { lock = 3; stdios(); return lock; }
    int putchar(int c) { lock = c; stdios(); return lock; }
    void *memalign(unsigned long n, unsigned long m) { lock = n; aligns(); take(); return 0; }
    void *aligned_alloc(unsigned long n, unsigned long m) { lock = m; aligns(); return 0; }
    void *localtime(const long *t) { lock = 4; converts(); lock = 5; return 0; }
    void *localtime_r(const long *t, void *tm) { converts(); return tm; }
    int setenv(const char *n, const char *v, int o) { lock = 6; sets(); return lock; }
    int putenv(char *s) { lock = 7; sets(); return lock; }
    int perror(const char *s) { lock = 8; deep4(); return lock; }
    int openlog(const char *s, int a, int b) { lock = 9; deep1(); return lock; }
  )";
  std::string with_symbols_;
  std::string stripped_;
};

TEST_F(FunctionCodeTest, HasTheFunctionsThemselves) {
  EXPECT_THAT(owners_of("malloc"), Contains("malloc"));
  EXPECT_THAT(owners_of("free"), Contains("free"));
  EXPECT_THAT(owners_of("puts"), Contains("puts"));
}

TEST_F(FunctionCodeTest, HasWhatOnlyOneCalls) {
  EXPECT_EQ(owners_of("deep1"), std::set<std::string>{"openlog"});
  EXPECT_EQ(owners_of("deep3"), std::set<std::string>{"openlog"});
  EXPECT_THAT(owners_of("deep4"), IsEmpty()) << "perror calls it, too, by a shorter way";
}

TEST_F(FunctionCodeTest, HasWhatAllocatorsShareUnderTheBestKnown) {
  EXPECT_EQ(owners_of("take"), std::set<std::string>{"malloc"});
  EXPECT_EQ(owners_of("grow"), std::set<std::string>{"malloc"});
  EXPECT_EQ(owners_of("give"), std::set<std::string>{"free"});
  EXPECT_THAT(owners_of("aligns"), IsEmpty()) << "memalign or aligned_alloc?";
}

TEST_F(FunctionCodeTest, LacksWhatOthersCallToo) {
  EXPECT_THAT(owners_of("everybodys"), IsEmpty()) << "fork's own work is no call of malloc";
  EXPECT_THAT(owners_of("fork"), IsEmpty());
}

TEST_F(FunctionCodeTest, LacksWhatFunctionsShare) {
  EXPECT_THAT(owners_of("stdios"), IsEmpty()) << "puts or putchar?";
  EXPECT_THAT(owners_of("converts"), IsEmpty()) << "localtime or localtime_r?";
  EXPECT_THAT(owners_of("computes"), IsEmpty());
  EXPECT_THAT(owners_of("sets"), IsEmpty()) << "setenv or putenv?";
}

TEST(FunctionCode, OfTheInstalledLibcIsSortedAndApart) {
  const std::string path = "/lib/x86_64-linux-gnu/libc.so.6";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no glibc for x86-64";
  const auto code = code_of(*ElfFile::open(path), scan(path));
  ASSERT_GT(code.size(), 100u);
  for (std::size_t i = 1; i < code.size(); i++) {
    EXPECT_LT(code[i].start, code[i].end);
    EXPECT_LE(code[i - 1].end, code[i].start);
  }
}

} // namespace
} // namespace forkmon
