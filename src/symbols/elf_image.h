// SPDX-License-Identifier: MIT
/// The headers of an ELF file that may be corrupt: 64-bit files of the host's byte order and
/// processor. What is in the file is read as it is needed and never mapped: a file that is
/// truncated under a mapping would kill its reader.
#pragma once

#include "process/safe_open.h"
#include "util/result.h"

#include <elf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace forkmon {

class ElfImage {
public:
  /// Error: not such a file, or its header tables lie outside of it.
  static Result<ElfImage> open(RegularFile file);

  /// False where not all of it could be read.
  bool read(std::uint64_t file_offset, std::span<std::uint8_t> out) const;

  /// As much as there is, at most `size` bytes.
  std::vector<std::uint8_t> read_some(std::uint64_t file_offset, std::size_t size) const;

  /// The bytes before the NUL, at most `limit` of them.
  std::string string_at(std::uint64_t file_offset, std::size_t limit) const;

  const Elf64_Ehdr& header() const { return header_; }
  std::span<const Elf64_Phdr> segments() const { return segments_; }
  std::span<const Elf64_Shdr> sections() const { return sections_; }
  const struct stat& status() const { return status_; }
  int fd() const { return fd_.get(); }

  /// Empty where the file has none.
  const std::string& build_id() const { return build_id_; }

  /// The section of that name, or null.
  const Elf64_Shdr* section(const std::string& name) const;

  /// Between file offsets and ELF addresses, by the loaded segments.
  std::optional<std::uint64_t> address_of(std::uint64_t file_offset) const;
  std::optional<std::uint64_t> file_offset_of(std::uint64_t address) const;

private:
  Status read_header();
  Status read_tables();
  void read_build_id();
  void find_build_id_in(const Elf64_Phdr& notes);

  Fd fd_;
  struct stat status_ {};
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  std::string build_id_;
};

} // namespace forkmon
