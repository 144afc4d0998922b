// SPDX-License-Identifier: MIT
#include "symbols/module_cache.h"

#include "symbols/source_lines.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <fmt/format.h>

namespace forkmon {
namespace {

using testing::HasSubstr;

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Files of a folder of our own, mapped into this process.
class ModuleCacheTest : public testing::Test {
protected:
  void SetUp() override {
    std::string name = "/tmp/forkmon-symbols-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& contents) {
    const auto path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }

  /// What the cache says of a file that is mapped with its first page.
  Result<std::shared_ptr<Module>> get(const std::string& path, ModuleCache& cache) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    const auto space = AddressSpace::of(getpid());
    const auto* mapping = space ? space->find(reinterpret_cast<std::uint64_t>(memory)) : nullptr;
    auto module = mapping != nullptr ? cache.get(*space, *mapping)
                                     : Result<std::shared_ptr<Module>>(Error{"not mapped"});
    munmap(memory, 4096);
    return module;
  }

  std::string folder_;
  ModuleCache cache_{8};
};

const std::string kSelf = "/proc/self/exe";
const std::string kLibc = "/lib/x86_64-linux-gnu/libc.so.6";

TEST_F(ModuleCacheTest, FindsSymbolsOfAStrippedLibrary) {
  auto module = get(kLibc, cache_);
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_FALSE((*module)->file().build_id().empty());
  const auto address = reinterpret_cast<std::uint64_t>(dlsym(RTLD_NEXT, "setenv"));
  Dl_info libc{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(address), &libc), 0);
  const auto symbol =
      (*module)->symbol_at(address - reinterpret_cast<std::uint64_t>(libc.dli_fbase));
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->name, "setenv");
}

TEST_F(ModuleCacheTest, CopiesWithOneBuildIdShareAModule) {
  const auto contents = contents_of(kSelf);
  auto first = get(write("a", contents), cache_);
  auto second = get(write("b", contents), cache_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(cache_.size(), 2U);
}

TEST_F(ModuleCacheTest, KeepsTheLastUsedOnly) {
  ModuleCache small(2);
  for (const auto* name : {"a", "b", "c"})
    EXPECT_FALSE(get(write(name, name), small));
  EXPECT_EQ(small.size(), 2U);
}

TEST_F(ModuleCacheTest, SeesThatAFileWasRewritten) {
  const auto path = write("a", "not yet an ELF file");
  EXPECT_FALSE(get(path, cache_));
  write("a", contents_of(kSelf));
  const auto module = get(path, cache_);
  EXPECT_TRUE(module) << module.error().message;
}

TEST_F(ModuleCacheTest, OpensDeletedFiles) {
  const auto path = write("a", contents_of(kSelf));
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  std::filesystem::remove(path);
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  const auto module = cache_.get(*space, *space->find(reinterpret_cast<std::uint64_t>(memory)));
  munmap(memory, 4096);
  EXPECT_TRUE(module) << module.error().message;
}

TEST_F(ModuleCacheTest, RefusesADevice) {
  const Fd fd(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  const auto* mapping = space->find(reinterpret_cast<std::uint64_t>(memory));
  ASSERT_NE(mapping, nullptr);
  EXPECT_FALSE(cache_.get(*space, *mapping));
  munmap(memory, 4096);
}

TEST_F(ModuleCacheTest, TruncatedFilesAreNoCrash) {
  const auto contents = contents_of(kLibc);
  SourceLines lines;
  std::size_t readable = 0;
  for (std::size_t size = 1; size < contents.size(); size = size * 3 / 2 + 1) {
    auto module = get(write(fmt::format("{}", size), contents.substr(0, size)), cache_);
    readable += module ? 1 : 0;
    for (std::uint64_t address = 0; module && address < 0x200000; address += 0x1357) {
      (*module)->rules_at(address);
      (*module)->symbol_at(address);
      lines.find((*module)->debug_file(), address);
    }
  }
  EXPECT_GT(readable, 0U);
}

TEST_F(ModuleCacheTest, CorruptFilesAreNoCrash) {
  const auto contents = contents_of(kLibc);
  std::mt19937 random(1);
  SourceLines lines;
  std::size_t readable = 0;
  for (int round = 0; round < 20; ++round) {
    auto corrupt = contents;
    for (std::size_t i = round < 10 ? 64 : 0x1000; i < corrupt.size(); i += 1 + random() % 64)
      corrupt[i] = static_cast<char>(random());
    auto module = get(write(fmt::format("{}", round), corrupt), cache_);
    readable += module ? 1 : 0;
    for (std::uint64_t address = 0; module && address < 0x200000; address += 0x1357) {
      (*module)->rules_at(address);
      (*module)->symbol_at(address);
      lines.find((*module)->file(), address);
    }
  }
  EXPECT_GT(readable, 0U);
}

TEST_F(ModuleCacheTest, CorruptDebugInformationIsNoCrash) {
  const auto contents = contents_of(kSelf);
  const auto intact = get(write("intact", contents), cache_);
  ASSERT_TRUE(intact);
  const auto& file = (*intact)->file();
  const auto entry = file.header().e_entry & ~std::uint64_t{0xffff};
  std::mt19937 random(1);
  for (const auto* name : {".debug_info", ".debug_line", ".debug_aranges", ".debug_abbrev"}) {
    const auto* section = file.section(name);
    ASSERT_NE(section, nullptr);
    auto corrupt = contents;
    for (auto i = section->sh_offset; i < section->sh_offset + section->sh_size;
         i += random() % 256)
      corrupt[i] = static_cast<char>(random());
    ModuleCache cache(1);
    auto module = get(write(name, corrupt), cache);
    ASSERT_TRUE(module);
    SourceLines lines;
    for (std::uint64_t address = entry; address < entry + 0x20000; address += 0x357)
      lines.find((*module)->file(), address);
  }
}

TEST_F(ModuleCacheTest, AHugeSparseFileCostsNoMemory) {
  const auto path = write("huge", contents_of(kSelf));
  std::filesystem::resize_file(path, std::uintmax_t{2} << 30);
  const auto module = get(path, cache_);
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_LT(cache_.memory(), std::size_t{24} << 20);
}

TEST_F(ModuleCacheTest, SaysWhatIsNotAnElfFile) {
  const auto module = get(write("a", "#!/bin/sh\n"), cache_);
  ASSERT_FALSE(module);
  EXPECT_THAT(module.error().message, HasSubstr("not an ELF file"));
}

} // namespace
} // namespace forkmon
