// SPDX-License-Identifier: MIT
#include "elf/elf_file.h"

#include "elf/machine.h"
#include "process/safe_open.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace forkmon {
namespace {

constexpr std::size_t max_read = 16 * 1024 * 1024;
constexpr unsigned max_segments = 1024;
/// Numbers from here on stand for "see elsewhere", in a form that lets a small file claim
/// billions of sections. No library has so many.
constexpr unsigned max_sections = SHN_LORESERVE - 1;

/// All of `size` bytes at `offset`, or an Error.
Status read_exactly(int fd, std::uint64_t offset, void* buffer, std::size_t size) {
  auto* out = static_cast<char*>(buffer);
  for (std::size_t done = 0; done < size;) {
    ssize_t n = pread(fd, out + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return Error::from_errno("cannot read", errno);
    if (n == 0)
      return Error{"the file ends too early"};
    done += static_cast<std::size_t>(n);
  }
  return ok();
}

constexpr std::uint16_t native_elf_machine() {
  return native_machine() == Machine::x86_64 ? EM_X86_64 : EM_AARCH64;
}

/// Looks at the header before libelf does, for libelf allocates what the header claims.
Status check_header(int fd) {
  Elf64_Ehdr header{};
  if (Status read = read_exactly(fd, 0, &header, sizeof header); !read)
    return read.error().code == 0 ? Error{read.error().message, ENOEXEC} : read.error();
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return Error{"not an ELF file", ENOEXEC};
  if (header.e_ident[EI_CLASS] == ELFCLASS32)
    return Error{"a 32-bit ELF file, whose functions are not probed"};
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return Error{"not a 64-bit little-endian ELF file"};
  if (header.e_machine != native_elf_machine())
    return Error{fmt::format("for another machine (e_machine {})", header.e_machine)};
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
    return Error{"neither an executable nor a shared library"};
  bool is_extended = header.e_shnum == 0 && header.e_shoff != 0;
  if (is_extended || header.e_shnum > max_sections || header.e_phnum > max_segments)
    return Error{"too many sections or segments"};
  return ok();
}

Result<std::uint64_t> regular_file_size(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0)
    return Error::from_errno("cannot stat", errno);
  if (!S_ISREG(status.st_mode))
    return Error{"not a regular file"};
  return static_cast<std::uint64_t>(status.st_size);
}

} // namespace

void ElfFile::ElfEnd::operator()(Elf* elf) const {
  elf_end(elf);
}

Result<ElfFile> ElfFile::open(const std::string& path) {
  auto file = open_regular(path);
  if (!file)
    return file.error().in("cannot open");
  return from_fd(std::move(file->fd), path);
}

Result<ElfFile> ElfFile::from_fd(Fd fd, const std::string& name) {
  auto size = regular_file_size(fd.get());
  if (!size)
    return size.error().in(name);
  if (Status header = check_header(fd.get()); !header)
    return header.error().in(name);
  elf_version(EV_CURRENT);
  std::unique_ptr<Elf, ElfEnd> elf(elf_begin(fd.get(), ELF_C_READ, nullptr));
  // Looked at again: the file may have changed since check_header().
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getclass(elf.get()) != ELFCLASS64)
    return Error{fmt::format("{}: {}", name, elf ? "not an ELF file" : elf_errmsg(-1))};
  ElfFile file(std::move(fd), std::move(elf));
  file.load_segments(*size);
  return file;
}

void ElfFile::load_segments(std::uint64_t file_size) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) != 0 || count > max_segments)
    return;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf_.get(), static_cast<int>(i), &header))
      return;
    bool is_in_file =
        header.p_offset <= file_size && header.p_filesz <= file_size - header.p_offset;
    bool wraps = header.p_vaddr + header.p_filesz < header.p_vaddr;
    if (is_in_file && !wraps)
      segments_.push_back({header.p_type, (header.p_flags & PF_X) != 0, header.p_vaddr,
                           header.p_offset, header.p_filesz, header.p_align});
  }
}

ElfKind ElfFile::kind() const {
  GElf_Ehdr header;
  if (gelf_getehdr(elf_.get(), &header) && header.e_type == ET_EXEC)
    return ElfKind::executable;
  // An interpreter alone does not make a program: libc.so.6 has one, too.
  bool is_program = has_dynamic_flag_pie() || (!interpreter().empty() && soname().empty());
  return is_program ? ElfKind::pie : ElfKind::shared;
}

const ElfFile::Segment* ElfFile::code_at(std::uint64_t vaddr) const {
  for (const Segment& segment : segments_)
    if (segment.type == PT_LOAD && segment.is_executable && vaddr >= segment.vaddr &&
        vaddr - segment.vaddr < segment.size)
      return &segment;
  return nullptr;
}

std::string ElfFile::interpreter() const {
  constexpr std::uint64_t max_path = 4096;
  for (const Segment& segment : segments_) {
    if (segment.type != PT_INTERP || segment.size == 0 || segment.size > max_path)
      continue;
    auto bytes = read(segment.offset, segment.size);
    if (!bytes)
      return {};
    const char* text = reinterpret_cast<const char*>(bytes->data());
    return std::string(text, strnlen(text, bytes->size()));
  }
  return {};
}

Result<std::vector<std::byte>> ElfFile::read(std::uint64_t file_offset, std::size_t size) const {
  if (size > max_read || file_offset > INT64_MAX - max_read)
    return Error{"refused to read so much or so far"};
  std::vector<std::byte> bytes(size);
  if (Status read = read_exactly(fd_.get(), file_offset, bytes.data(), size); !read)
    return read.error();
  return bytes;
}

} // namespace forkmon
