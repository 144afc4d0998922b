// SPDX-License-Identifier: MIT
#include "libraries/process_report.h"

#include "elf/elf_file.h"

namespace forkmon {
namespace {

Result<ElfFile> read_elf(const std::string& path, Result<RegularFile> file) {
  if (!file)
    return file.error();
  return ElfFile::from_fd(std::move(file->fd), path);
}

} // namespace

void report_library(ProcessReport& report, const std::string& path, Result<RegularFile> file,
                    std::span<const UserFunction> user_functions) {
  auto elf = read_elf(path, std::move(file));
  if (!elf) {
    report.unreadable.push_back(elf.error().message);
    return;
  }
  const LibraryScan scan = scan_library(*elf, path, user_functions);
  for (const FoundProvider& provider : scan.providers)
    report.providers.push_back({provider, path});
  if (scan.registers_handlers && scan.providers.empty())
    report.other_handlers.push_back(path);
}

} // namespace forkmon
