// SPDX-License-Identifier: MIT
/// discovery: reads process ids from stdin, looks for the libraries of each as the agent does when
/// it learns of them for page faults, and prints "PROCESSES FILES ERRORS CPU_MS".
#include "app/known_libraries.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace forkmon {
namespace {

std::int64_t cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000L + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

int run() {
  auto programs = BpfPrograms::load({});
  if (!programs || !(*programs)->attach_page_faults()) {
    std::fputs("discovery: the BPF programs cannot be used here\n", stderr);
    return 1;
  }
  FunctionTable functions;
  KnownLibraries libraries(**programs, nullptr, functions, {});
  std::vector<pid_t> pids;
  for (pid_t pid = 0; std::cin >> pid;)
    pids.push_back(pid);
  const std::int64_t start = cpu_us();
  for (pid_t pid : pids)
    if (auto added = libraries.add_of(pid); !added)
      fmt::print(stderr, "discovery: {}\n", added.error().message);
  const std::int64_t used = cpu_us() - start;
  std::uint64_t errors = 0;
  for (const auto& [reason, count] : libraries.errors())
    errors += count;
  fmt::print("{} {} {} {}\n", pids.size(), libraries.scanned(), errors, used / 1000);
  return 0;
}

} // namespace
} // namespace forkmon

int main() {
  return forkmon::run();
}
