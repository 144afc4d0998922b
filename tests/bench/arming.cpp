// SPDX-License-Identifier: MIT
/// arming PID FUNCTION...: defines probes at these functions of libc, arms the process with them
/// as the agent does, prints "SITES DEFINE_US ARM_US", and lets go at the end of stdin.
#include "libc_sites.h"
#include "sensors/mapped_files.h"
#include "sensors/probes.h"

#include <chrono>

namespace forkmon::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t us_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

/// None is hit, so the ids do not matter.
LibrarySites sites_of(const MappedFile& libc, std::span<const std::string_view> names) {
  LibrarySites library{libc.path, libc.file, {}, {}};
  constexpr std::size_t one_hot_in = 10; // about as in the catalogue
  for (std::uint64_t offset : planned_sites(libc, names)) {
    const Tier tier = library.sites.size() % one_hot_in == 0 ? Tier::hot : Tier::cold;
    library.sites.push_back({offset, 0, tier});
  }
  return library;
}

int run(pid_t pid, std::span<const std::string_view> names) {
  auto programs = need(BpfPrograms::load({}));
  auto probes = need(ProbeSensor::create(*programs, Tiers::apart));
  const MappedFile libc = libc_among(MappedFiles(*programs).of(getpid()));
  LibrarySites library = sites_of(libc, names);
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
} // namespace forkmon::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: arming PID FUNCTION...\n", stderr);
    return 2;
  }
  std::vector<std::string_view> names(argv + 2, argv + argc);
  return forkmon::bench::run(std::atoi(argv[1]), names);
}
