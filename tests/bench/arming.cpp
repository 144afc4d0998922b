// SPDX-License-Identifier: MIT
/// arming PID FUNCTION...: defines probes at these functions of libc, arms the process with them
/// as the agent does, prints "SITES DEFINE_US ARM_US", and lets go at the end of stdin.
#include "elf/elf_file.h"
#include "elf/site_planner.h"
#include "process/proc.h"
#include "sensors/probes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace forkmon {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t us_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

/// What cannot be measured ends the program.
template <typename T>
T need(Result<T> result) {
  if (result)
    return std::move(*result);
  fmt::print(stderr, "arming: {}\n", result.error().message);
  std::exit(1);
}

MappedFile libc_of_this_process() {
  for (const MappedFile& file : need(mapped_files(getpid())))
    if (file.path.ends_with("/libc.so.6"))
      return file;
  return need<MappedFile>(Error{"no libc.so.6 is mapped here"});
}

/// One site for each function, where the planner puts it; none is hit, so the ids do not matter.
LibrarySites sites_of(const MappedFile& libc, std::span<const std::string_view> names) {
  LibrarySites library{libc.path, libc.file, {}, {}};
  auto elf = need(ElfFile::open(libc.path));
  std::set<std::uint64_t> offsets;
  constexpr std::size_t one_hot_in = 10; // about as in the catalogue
  for (const FunctionSymbol& function : elf.find(names)) {
    auto code = elf.read(function.file_offset, function.size);
    if (function.is_ifunc || !code)
      continue;
    SitePlan plan = plan_site(*code, function.vaddr);
    if (plan.can_probe && offsets.insert(function.file_offset + plan.offset).second)
      library.sites.push_back({function.file_offset + plan.offset, 0,
                               library.sites.size() % one_hot_in == 0 ? Tier::hot : Tier::cold});
  }
  return library;
}

int run(pid_t pid, std::span<const std::string_view> names) {
  auto programs = need(BpfPrograms::load({}));
  auto probes = need(ProbeSensor::create(*programs, Tiers::apart));
  LibrarySites library = sites_of(libc_of_this_process(), names);
  auto start = Clock::now();
  need(probes->add(library));
  std::int64_t define_us = us_since(start);
  start = Clock::now();
  need(probes->arm(pid, Inheritance::until_exec, 0, std::span(&library.file, 1)));
  fmt::print("{} {} {}\n", library.sites.size(), define_us, us_since(start));
  std::fflush(stdout);
  while (std::getchar() != EOF)
    ;
  return 0;
}

} // namespace
} // namespace forkmon

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: arming PID FUNCTION...\n", stderr);
    return 2;
  }
  std::vector<std::string_view> names(argv + 2, argv + argc);
  return forkmon::run(std::atoi(argv[1]), names);
}
