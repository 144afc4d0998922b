// SPDX-License-Identifier: MIT
/// Sites in this process's libc, for the programs of the benchmark. What cannot be had ends them.
#pragma once

#include "elf/elf_file.h"
#include "elf/site_planner.h"
#include "process/proc.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace forkmon::bench {

template <typename T>
T need(Result<T> result) {
  if (result)
    return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

/// `files` are those of this process.
inline MappedFile libc_among(Result<std::vector<MappedFile>> files) {
  for (const MappedFile& file : need(std::move(files)))
    if (file.path.ends_with("/libc.so.6"))
      return file;
  return need<MappedFile>(Error{"no libc.so.6 is mapped here"});
}

/// One offset for each of the functions that can be probed, where the planner puts the probe.
inline std::vector<std::uint64_t> planned_sites(const MappedFile& libc,
                                                std::span<const std::string_view> functions) {
  auto elf = need(ElfFile::open(libc.path));
  std::set<std::uint64_t> offsets;
  for (const FunctionSymbol& function : elf.find(functions)) {
    auto code = elf.read(function.file_offset, function.size);
    if (function.is_ifunc || !code)
      continue;
    if (SitePlan plan = plan_site(*code, function.vaddr); plan.can_probe)
      offsets.insert(function.file_offset + plan.offset);
  }
  return {offsets.begin(), offsets.end()};
}

} // namespace forkmon::bench
