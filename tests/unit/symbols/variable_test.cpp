// SPDX-License-Identifier: MIT
#include "symbols/variable.h"

#include "process/safe_open.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace forkmon {
namespace {

pthread_mutex_t initialised = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
int in_bss[8192];

#if defined(__aarch64__)
constexpr Elf64_Half native_elf_machine = EM_AARCH64;
#else
constexpr Elf64_Half native_elf_machine = EM_X86_64;
#endif

struct Logger {
  static Logger& instance(const std::string&) {
    static Logger logger;
    return logger;
  }
  virtual ~Logger() = default;
  int lines = 0;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
};

class VariableTest : public testing::Test {
protected:
  std::optional<Variable> at(const void* address) {
    const auto space = AddressSpace::of(getpid());
    return space ? variable_at(reinterpret_cast<std::uint64_t>(address), *space, modules_)
                 : std::nullopt;
  }

  ModuleCache modules_{8};
};

TEST_F(VariableTest, IsNamed) {
  const auto found = at(&initialised);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "forkmon::(anonymous namespace)::initialised");
  EXPECT_EQ(found->offset, 0u);
  EXPECT_EQ(found->size, sizeof initialised);
}

TEST_F(VariableTest, IsNamedBeyondTheEndOfTheFile) {
  const auto found = at(&in_bss[8000]);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "forkmon::(anonymous namespace)::in_bss");
  EXPECT_EQ(found->offset, 8000 * sizeof(int));
}

TEST_F(VariableTest, OfAFunctionHasTheFunctionsName) {
  Logger& logger = Logger::instance("a");
  const auto found = at(&logger.mutex);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "forkmon::(anonymous namespace)::Logger::instance()::logger");
  EXPECT_EQ(found->offset, static_cast<std::uint64_t>(reinterpret_cast<const char*>(&logger.mutex) -
                                                      reinterpret_cast<const char*>(&logger)));
}

TEST_F(VariableTest, OfALibraryIsNamed) {
  const auto found = at(&environ);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "environ");
}

TEST_F(VariableTest, IsNotCodeHeapOrStack) {
  const auto heap = std::make_unique<int>();
  int on_stack = 0;
  EXPECT_FALSE(at(heap.get()));
  EXPECT_FALSE(at(&on_stack));
  EXPECT_FALSE(at(reinterpret_cast<const void*>(&std::abort)));
  EXPECT_FALSE(at(nullptr));
  EXPECT_FALSE(at(reinterpret_cast<const void*>(~0ULL)));
}

/// A file with a million variables: one covers all addresses, the others lie in its middle, with a
/// name that has no end.
std::string write_many_variables(const std::string& path) {
  constexpr std::size_t count = 1'000'000;
  std::vector<Elf64_Shdr> sections(3);
  Elf64_Ehdr header{};
  std::copy_n(ELFMAG, SELFMAG, header.e_ident);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = native_elf_machine;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shoff = sizeof header;
  const std::string names = std::string("\0whole\0", 7) + std::string(8192, 'a');
  sections[1] = {.sh_name = 0,
                 .sh_type = SHT_STRTAB,
                 .sh_flags = 0,
                 .sh_addr = 0,
                 .sh_offset = sizeof header + 3 * sizeof(Elf64_Shdr),
                 .sh_size = names.size(),
                 .sh_link = 0,
                 .sh_info = 0,
                 .sh_addralign = 1,
                 .sh_entsize = 0};
  sections[2] = sections[1];
  sections[2].sh_type = SHT_SYMTAB;
  sections[2].sh_offset += names.size();
  sections[2].sh_size = count * sizeof(Elf64_Sym);
  sections[2].sh_link = 1;
  sections[2].sh_entsize = sizeof(Elf64_Sym);
  const Elf64_Sym part{.st_name = 7,
                       .st_info = STT_OBJECT,
                       .st_other = 0,
                       .st_shndx = 1,
                       .st_value = 0x1800,
                       .st_size = 8};
  std::vector<Elf64_Sym> symbols(count, part);
  symbols.front() = part;
  symbols.front().st_name = 1;
  symbols.front().st_value = 0x1000;
  symbols.front().st_size = 0x1000;
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&header), sizeof header);
  file.write(reinterpret_cast<const char*>(sections.data()), 3 * sizeof(Elf64_Shdr));
  file << names;
  file.write(reinterpret_cast<const char*>(symbols.data()),
             static_cast<std::streamsize>(count * sizeof(Elf64_Sym)));
  return path;
}

TEST(DataSymbolAt, IsFoundSoonAmongAMillion) {
  const std::string path = write_many_variables(testing::TempDir() + "forkmon-variables");
  auto opened = open_regular(path);
  ASSERT_TRUE(opened);
  const auto file = ElfImage::open(std::move(*opened));
  ASSERT_TRUE(file) << file.error().message;
  const auto start = std::chrono::steady_clock::now();
  const auto whole = data_symbol_at(*file, SHT_SYMTAB, 0x1010);
  const auto part = data_symbol_at(*file, SHT_SYMTAB, 0x1804);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  ASSERT_TRUE(whole && part);
  EXPECT_EQ(whole->name, "whole");
  EXPECT_EQ(part->address, 0x1800u);
  EXPECT_LE(part->name.size(), 4096u);
  EXPECT_FALSE(data_symbol_at(*file, SHT_SYMTAB, 0x2000));
  std::filesystem::remove(path);
}

TEST(ShortVariableName, LeavesOutParametersAndTheCompilersNumbers) {
  EXPECT_EQ(short_variable_name("Logger::instance()::logger"), "Logger::instance()::logger");
  EXPECT_EQ(short_variable_name("f(std::map<int, void (*)(int)>)::lock"), "f()::lock");
  EXPECT_EQ(short_variable_name("A::f(int) const::m"), "A::f() const::m");
  EXPECT_EQ(short_variable_name("a::(anonymous namespace)::f(int)::m"),
            "a::(anonymous namespace)::f()::m");
  EXPECT_EQ(short_variable_name("guard variable for f(int)::only"), "guard variable for f()::only");
  EXPECT_EQ(short_variable_name("lock.0"), "lock");
  EXPECT_EQ(short_variable_name("lock.1234"), "lock");
  EXPECT_EQ(short_variable_name("runtime.mheap_"), "runtime.mheap_");
  EXPECT_EQ(short_variable_name(".5"), ".5");
  EXPECT_EQ(short_variable_name("f((("), "f()");
  EXPECT_EQ(short_variable_name(""), "");
}

} // namespace
} // namespace forkmon
