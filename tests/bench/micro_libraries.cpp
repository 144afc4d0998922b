// SPDX-License-Identifier: MIT
/// What it costs to look into the C library that this program runs on: once for each such file.
#include "elf/elf_file.h"
#include "libraries/function_code.h"
#include "libraries/library_scan.h"
#include "process/proc.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

namespace forkmon {
namespace {

std::string libc_path() {
  auto files = mapped_files(getpid());
  for (const MappedFile& file : files ? *files : std::vector<MappedFile>())
    if (file.path.ends_with("/libc.so.6"))
      return file.path;
  return {};
}

void scan_libc(benchmark::State& state) {
  const std::string path = libc_path();
  for (auto _ : state) {
    auto file = ElfFile::open(path);
    if (!file)
      return state.SkipWithError(file.error().message.c_str());
    benchmark::DoNotOptimize(scan_library(*file, path));
  }
}
BENCHMARK(scan_libc)->Unit(benchmark::kMillisecond);

void find_code_in_libc(benchmark::State& state) {
  const std::string path = libc_path();
  auto file = ElfFile::open(path);
  if (!file)
    return state.SkipWithError(file.error().message.c_str());
  const LibraryScan scan = scan_library(*file, path);
  for (auto _ : state)
    benchmark::DoNotOptimize(code_of(*file, scan));
}
BENCHMARK(find_code_in_libc)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace forkmon
