// SPDX-License-Identifier: MIT
/// An executable or shared library, read as hostile input.
///
/// All reads go through pread, not mmap: a mapped file that somebody truncates meanwhile kills its
/// reader with SIGBUS, and the files are anybody's. Whatever the headers claim, what is read at
/// once and what is walked is bounded.
#pragma once

#include "elf/glibc_version.h"
#include "util/fd.h"
#include "util/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct Elf; // of libelf

namespace forkmon {

/// Code that a symbol names.
struct FunctionSymbol {
  std::string name;              ///< as it was asked for, without its version
  std::uint64_t vaddr = 0;       ///< in the file's own address space
  std::uint64_t size = 0;        ///< bytes of code that are in the file; 0 where the file says none
  std::uint64_t file_offset = 0; ///< of the first byte: what a uprobe takes
  bool is_ifunc = false;         ///< the code is a resolver, which picks the function to be called
  bool is_default = true;        ///< false: a version that only old binaries are linked against
  bool is_local = false;         ///< static in its source file: perhaps only a namesake
};

enum class ElfKind { executable, pie, shared };

class ElfFile {
public:
  /// Opens a path of ours, as open_regular() of process/safe_open.h does.
  static Result<ElfFile> open(const std::string& path);

  /// Takes a descriptor that is open for reading. `name` is for error messages. Error: ENOEXEC
  /// stands for a file that does not begin as ELF files do.
  static Result<ElfFile> from_fd(Fd fd, const std::string& name);

  ElfKind kind() const;

  /// The functions of these names that the file defines in code that is loaded; from the dynamic
  /// and the static symbol table. In the order of `names`; of one name, the default version and
  /// global symbols first. Each address once per name.
  std::vector<FunctionSymbol> find(std::span<const std::string_view> names) const;

  /// All functions in the dynamic symbol table, each address once: what other files can call. A few
  /// thousand in a C library; no more than 10,000 are returned.
  std::vector<FunctionSymbol> exported() const;

  /// Does the file take a symbol of this name from another one?
  bool imports(std::string_view name) const;

  /// The GNU build-id in hex digits; empty where there is none.
  std::string build_id() const;

  /// DT_SONAME; empty where there is none.
  std::string soname() const;

  /// DT_NEEDED: the sonames of the libraries that it is linked with.
  std::vector<std::string> needed() const;

  /// Path of the program interpreter; empty where there is none.
  std::string interpreter() const;

  /// The release of the glibc that this file is: from its banner, else from the newest version
  /// that it defines. Nothing where it is not glibc.
  std::optional<GlibcVersion> glibc_version() const;

  /// `size` bytes of the file, all or an Error; 16 MiB at most.
  Result<std::vector<std::byte>> read(std::uint64_t file_offset, std::size_t size) const;

private:
  struct ElfEnd {
    void operator()(Elf* elf) const;
  };

  /// A program header that can be relied on: its bytes lie in the file.
  struct Segment {
    std::uint32_t type = 0;
    bool is_executable = false;
    std::uint64_t vaddr = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0; ///< in the file
    std::uint64_t align = 0;
  };

  struct Symbol; // an entry of a symbol table
  using SymbolVisitor = std::function<void(const Symbol&)>;

  ElfFile(Fd fd, std::unique_ptr<Elf, ElfEnd> elf) : fd_(std::move(fd)), elf_(std::move(elf)) {}

  void load_segments(std::uint64_t file_size);
  const Segment* code_at(std::uint64_t vaddr) const;
  std::optional<FunctionSymbol> to_function(const Symbol& symbol) const;
  void for_each_symbol(std::uint32_t section_type, const SymbolVisitor& visit) const;
  std::vector<std::string> dynamic_strings(std::int64_t tag) const;
  bool has_dynamic_flag_pie() const;
  std::optional<GlibcVersion> newest_defined_version() const;

  Fd fd_; // outlives elf_, which reads from it
  std::unique_ptr<Elf, ElfEnd> elf_;
  std::vector<Segment> segments_;
};

} // namespace forkmon
