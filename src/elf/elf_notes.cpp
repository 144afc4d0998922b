// SPDX-License-Identifier: MIT
// What a file says about itself: build-id, names, needed libraries, its glibc version.
#include "elf/elf_file.h"
#include "elf/elf_section.h"

#include <fmt/format.h>

#include <algorithm>

namespace forkmon {
namespace {

constexpr std::size_t max_dynamic_entries = 4096;
constexpr std::size_t max_versions = 1024;
constexpr std::uint64_t max_notes_size = 1024 * 1024;
constexpr std::size_t max_build_id = 64; // bytes; SHA-1 makes 20, and the note can claim anything

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < std::min(size, max_build_id); ++i)
    text += fmt::format("{:02x}", bytes[i]);
  return text;
}

/// The build-id among the notes of one segment.
std::string build_id_of(Elf_Data* notes) {
  GElf_Nhdr header;
  std::size_t name = 0;
  std::size_t body = 0;
  for (std::size_t offset = 0, next = 0;
       (next = gelf_getnote(notes, offset, &header, &name, &body)) > 0; offset = next) {
    const auto* bytes = static_cast<const unsigned char*>(notes->d_buf);
    bool is_gnu = header.n_namesz == sizeof ELF_NOTE_GNU &&
                  std::memcmp(bytes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0;
    if (is_gnu && header.n_type == NT_GNU_BUILD_ID)
      return hex(bytes + body, header.n_descsz);
  }
  return {};
}

/// Calls visit(tag, value) for the entries of the dynamic section, up to its end mark.
template <typename Visit>
void for_each_dynamic(Elf* elf, Visit visit) {
  Elf_Data* data = section_data(find_section(elf, SHT_DYNAMIC));
  std::size_t count = data ? std::min(data->d_size / sizeof(Elf64_Dyn), max_dynamic_entries) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Dyn entry;
    if (!gelf_getdyn(data, static_cast<int>(i), &entry) || entry.d_tag == DT_NULL)
      return;
    visit(entry.d_tag, entry.d_un.d_val);
  }
}

} // namespace

std::string ElfFile::build_id() const {
  for (const Segment& segment : segments_) {
    if (segment.type != PT_NOTE || segment.size > max_notes_size)
      continue;
    Elf_Data* notes =
        elf_getdata_rawchunk(elf_.get(), static_cast<std::int64_t>(segment.offset), segment.size,
                             segment.align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (std::string id = notes ? build_id_of(notes) : std::string(); !id.empty())
      return id;
  }
  return {};
}

std::vector<std::string> ElfFile::dynamic_strings(std::int64_t wanted) const {
  Elf_Data* strings = linked_strings(elf_.get(), find_section(elf_.get(), SHT_DYNAMIC));
  std::vector<std::string> found;
  for_each_dynamic(elf_.get(), [&](std::int64_t tag, std::uint64_t value) {
    if (tag == wanted)
      found.emplace_back(string_at(strings, value));
  });
  return found;
}

std::string ElfFile::soname() const {
  auto names = dynamic_strings(DT_SONAME);
  return names.empty() ? std::string() : names.front();
}

std::vector<std::string> ElfFile::needed() const {
  return dynamic_strings(DT_NEEDED);
}

bool ElfFile::has_dynamic_flag_pie() const {
  bool is_pie = false;
  for_each_dynamic(elf_.get(), [&](std::int64_t tag, std::uint64_t value) {
    is_pie = is_pie || (tag == DT_FLAGS_1 && (value & DF_1_PIE) != 0);
  });
  return is_pie;
}

std::optional<GlibcVersion> ElfFile::newest_defined_version() const {
  Elf_Scn* section = find_section(elf_.get(), SHT_GNU_verdef);
  Elf_Data* data = section_data(section);
  Elf_Data* strings = linked_strings(elf_.get(), section);
  std::optional<GlibcVersion> newest;
  std::size_t at = 0;
  for (std::size_t i = 0; data && i < max_versions && at <= INT32_MAX; ++i) {
    GElf_Verdef definition;
    GElf_Verdaux name;
    if (!gelf_getverdef(data, static_cast<int>(at), &definition) ||
        !gelf_getverdaux(data, static_cast<int>(at + definition.vd_aux), &name))
      break;
    newest = std::max(newest, parse_symbol_version(string_at(strings, name.vda_name)));
    if (definition.vd_next == 0)
      break;
    at += definition.vd_next;
  }
  return newest;
}

std::optional<GlibcVersion> ElfFile::glibc_version() const {
  std::optional<GlibcVersion> defined = newest_defined_version();
  if (!defined)
    return std::nullopt;
  for (const Segment& segment : segments_) { // the banner is read-only data
    constexpr std::uint64_t max_banner_segment = 16 * 1024 * 1024;
    if (segment.type != PT_LOAD || segment.size > max_banner_segment)
      continue;
    auto bytes = read(segment.offset, segment.size);
    if (!bytes)
      continue;
    std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (auto version = find_glibc_banner(text))
      return version;
  }
  return defined;
}

} // namespace forkmon
