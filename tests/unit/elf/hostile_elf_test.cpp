// SPDX-License-Identifier: MIT
// Files that are not what they claim to be: an Error or less than everything, never a crash.
#include "elf/elf_file.h"
#include "elf/tiny_elf.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <random>

namespace forkmon {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view names[] = {"malloc", "free"};

Result<ElfFile> open_bytes(const std::string& bytes) {
  Fd fd(memfd_create("elf", MFD_CLOEXEC));
  if (write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return Error{"cannot write the test's file"};
  return ElfFile::from_fd(std::move(fd), "test.so");
}

Result<ElfFile> open_tiny(const TinyElf& tiny) {
  return open_bytes(tiny.bytes());
}

/// Calls everything; the sanitizers watch.
std::size_t use_all(const ElfFile& file) {
  std::size_t n = file.find(names).size() + file.needed().size() + file.soname().size();
  n += file.build_id().size() + file.interpreter().size() + file.glibc_version().has_value();
  return n + file.imports("imported") + static_cast<std::size_t>(file.kind());
}

std::string error_of(const std::string& path) {
  auto file = ElfFile::open(path);
  return file ? "" : file.error().message;
}

TEST(TinyElf, IsUnderstoodWhenWhole) {
  auto file = open_tiny(TinyElf());
  ASSERT_TRUE(file) << file.error().message;
  auto found = file->find(names);
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].name, "malloc");
  EXPECT_EQ(found[0].file_offset, TinyElf::text_offset());
  EXPECT_EQ(found[0].vaddr, TinyElf::base + TinyElf::text_offset());
  EXPECT_EQ(found[0].size, 16u);
  EXPECT_TRUE(found[1].is_default);
  EXPECT_EQ(found[1].file_offset, TinyElf::text_offset() + 32);
  EXPECT_FALSE(found[2].is_default);
  EXPECT_EQ(found[2].file_offset, TinyElf::text_offset() + 16);
  EXPECT_TRUE(file->imports("imported"));
  EXPECT_EQ(file->soname(), "tiny.so");
  EXPECT_EQ(file->glibc_version(), (GlibcVersion{2, 36}));
  EXPECT_EQ(file->kind(), ElfKind::shared);
}

TEST(HostileElf, IsNoRegularFile) {
  auto dir = std::filesystem::temp_directory_path() / "forkmon-elf-test";
  std::filesystem::create_directories(dir);
  std::string fifo = dir / "fifo";
  unlink(fifo.c_str());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(error_of(fifo), HasSubstr("not a regular file")); // and does not block
  EXPECT_THAT(error_of(dir), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of("/dev/null"), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of(dir / "missing\n"), HasSubstr("No such file"));
  EXPECT_THAT(error_of(""), HasSubstr("No such file"));
  std::filesystem::remove_all(dir);
}

TEST(HostileElf, IsNoElf) {
  for (const char* bytes : {"", "\177ELF", "\177ELG"}) {
    auto file = open_bytes(bytes);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, ENOEXEC) << bytes;
  }
  auto text = open_bytes(std::string(4096, 'x'));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ENOEXEC);
  EXPECT_THAT(text.error().message, HasSubstr("test.so: not an ELF file"));
}

TEST(HostileElf, IsForAnotherMachine) {
  TinyElf tiny;
  tiny.header.e_machine = EM_S390;
  auto other = open_tiny(tiny);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("another machine"));

  TinyElf narrow;
  narrow.header.e_ident[EI_CLASS] = ELFCLASS32;
  auto small = open_tiny(narrow);
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error().message, HasSubstr("a 32-bit ELF file"));

  TinyElf object;
  object.header.e_type = ET_REL;
  EXPECT_FALSE(open_tiny(object));
}

TEST(HostileElf, IsCutShort) {
  std::string whole = TinyElf().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto file = open_bytes(whole.substr(0, size));
    if (!file) {
      EXPECT_THAT(file.error().message, HasSubstr("test.so: ")) << size;
      continue;
    }
    EXPECT_LE(file->find(names).size(), 3u) << size;
    use_all(*file);
  }
}

TEST(HostileElf, IsARealLibraryCutShort) {
  std::ifstream stream("/bin/true", std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_GT(whole.size(), 10000u);
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); size += 64) {
    auto file = open_bytes(whole.substr(0, size));
    if (file) {
      EXPECT_FALSE(file->imports("no_such_function"));
      use_all(*file);
    }
    refused += !file;
  }
  EXPECT_GE(refused, 1u);
}

TEST(HostileElf, ShrinksWhileItIsRead) {
  Fd fd(memfd_create("elf", MFD_CLOEXEC));
  std::string bytes = TinyElf().bytes();
  ASSERT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  Fd other(dup(fd.get()));
  auto file = ElfFile::from_fd(std::move(fd), "shrinking.so");
  ASSERT_TRUE(file);
  ASSERT_EQ(ftruncate(other.get(), 100), 0);
  EXPECT_THAT(file->find(names), IsEmpty());
  EXPECT_FALSE(file->read(TinyElf::text_offset(), 16));
}

TEST(HostileElf, HasSectionsPastItsEnd) {
  for (int section = 1; section < TinyElf::section_count; ++section) {
    TinyElf offset;
    offset.sections[section].sh_offset = UINT64_MAX - 8;
    TinyElf size;
    size.sections[section].sh_size = UINT64_MAX / 2;
    for (const TinyElf& tiny : {offset, size}) {
      auto file = open_tiny(tiny);
      ASSERT_TRUE(file) << section;
      bool needs_it = section == TinyElf::dynsym || section == TinyElf::dynstr;
      EXPECT_EQ(file->find(names).empty(), needs_it) << section;
      use_all(*file);
    }
  }
}

TEST(HostileElf, HasItsHeadersPastItsEnd) {
  TinyElf sections;
  sections.header.e_shoff = UINT64_MAX - 64;
  TinyElf segments;
  segments.header.e_phoff = UINT64_MAX - 8;
  for (const TinyElf& tiny : {sections, segments}) {
    auto file = open_tiny(tiny);
    if (file) {
      EXPECT_THAT(file->find(names), IsEmpty());
      use_all(*file);
    }
  }
}

TEST(HostileElf, ClaimsBillionsOfSections) {
  TinyElf tiny;
  tiny.header.e_shnum = 0; // "the number is in section 0"
  tiny.sections[0].sh_size = 1'000'000'000;
  auto file = open_tiny(tiny);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("too many"));
}

TEST(HostileElf, HasAStringTableWithoutEnd) {
  TinyElf tiny;
  tiny.contents[TinyElf::dynstr] = std::string(42, 'm');
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->find(names), IsEmpty());
  EXPECT_EQ(file->soname(), "");
  use_all(*file);
}

TEST(HostileElf, LinksItsSectionsInACircle) {
  TinyElf tiny;
  for (Elf64_Shdr& section : tiny.sections)
    section.sh_link = TinyElf::dynsym; // the symbol table is its own string table
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->find(names), IsEmpty());
  use_all(*file);
  for (Elf64_Shdr& section : tiny.sections)
    section.sh_link = 0xfffffff0;
  EXPECT_THAT(open_tiny(tiny)->find(names), IsEmpty());
}

TEST(HostileElf, HasSectionsOverEachOther) {
  TinyElf tiny;
  for (Elf64_Shdr& section : tiny.sections) {
    section.sh_offset = 0;
    section.sh_size = tiny.bytes().size();
  }
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  EXPECT_LE(file->find(names).size(), 1000u);
  use_all(*file);
}

TEST(HostileElf, HasVersionsInACircle) {
  TinyElf tiny;
  Elf64_Verdef definition{1, 0, 2, 1, 0, 0xffffffff, 0xffffffff};
  std::memcpy(tiny.contents[TinyElf::verdef].data(), &definition, sizeof definition);
  EXPECT_FALSE(open_tiny(tiny)->glibc_version());
}

TEST(HostileElf, HasSymbolsOutsideItsCode) {
  TinyElf tiny;
  for (std::uint64_t into : {std::uint64_t{0} - 0x100000, std::uint64_t{0x100000}, UINT64_MAX / 2})
    tiny.add_symbol(1, STT_FUNC, STB_GLOBAL, 1, into, UINT64_MAX);
  tiny.lay_out();
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->find(names), SizeIs(3)) << "those of the whole file";
}

TEST(HostileElf, ClaimsMoreCodeThanItHas) {
  TinyElf tiny;
  tiny.add_symbol(1, STT_FUNC, STB_GLOBAL, 1, 40, UINT64_MAX);
  tiny.lay_out();
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  auto found = file->find(names);
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[1].file_offset, TinyElf::text_offset() + 40);
  EXPECT_EQ(found[1].file_offset + found[1].size, tiny.bytes().size());
}

TEST(HostileElf, HasNoCode) {
  TinyElf tiny;
  tiny.segments[0].p_flags = PF_R;
  EXPECT_THAT(open_tiny(tiny)->find(names), IsEmpty());
  tiny.segments[0].p_flags = PF_R | PF_X;
  tiny.segments[0].p_vaddr = UINT64_MAX - 8; // wraps around
  EXPECT_THAT(open_tiny(tiny)->find(names), IsEmpty());
}

TEST(HostileElf, HasAnEmptyInterpreterAndNotes) {
  for (std::uint32_t type : {PT_INTERP, PT_NOTE}) {
    TinyElf tiny;
    tiny.segments[0].p_type = type;
    tiny.segments[0].p_filesz = 0;
    auto file = open_tiny(tiny);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->interpreter(), "");
    EXPECT_EQ(file->build_id(), "");
  }
}

TEST(HostileElf, HasAMillionSymbolsOfOneName) {
  TinyElf tiny;
  constexpr std::size_t million = 1'000'000;
  Elf64_Sym symbol{};
  symbol.st_name = 1;
  symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbol.st_shndx = 1;
  std::string& table = tiny.contents[TinyElf::dynsym];
  table.reserve(million * sizeof symbol);
  for (std::size_t i = 0; i < million; ++i) {
    symbol.st_value = TinyElf::base + TinyElf::text_offset() + i;
    tiny.append(TinyElf::dynsym, &symbol, sizeof symbol);
  }
  tiny.lay_out();
  auto file = open_tiny(tiny);
  ASSERT_TRUE(file);
  auto start = std::chrono::steady_clock::now();
  EXPECT_LE(file->find(names).size(), 10'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(HostileElf, IsASparseGiant) {
  Fd fd(memfd_create("elf", MFD_CLOEXEC));
  TinyElf tiny;
  tiny.sections[TinyElf::dynsym].sh_size = std::uint64_t{24} << 34; // 400 GiB of symbols
  std::string bytes = tiny.bytes();
  ASSERT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  ASSERT_EQ(ftruncate(fd.get(), std::int64_t{1} << 40), 0);
  auto file = ElfFile::from_fd(std::move(fd), "giant.so");
  ASSERT_TRUE(file);
  EXPECT_THAT(file->find(names), IsEmpty());
}

TEST(HostileElf, SurvivesFlippedBytes) {
  std::string whole = TinyElf().bytes();
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string broken = whole;
    for (int flips = 1 + static_cast<int>(random() % 8); flips > 0; --flips)
      broken[random() % broken.size()] = static_cast<char>(random());
    auto file = open_bytes(broken);
    if (file) {
      EXPECT_LE(file->find(names).size(), 100u) << round;
      use_all(*file);
    }
  }
}

} // namespace
} // namespace forkmon
