// SPDX-License-Identifier: MIT
#include "process/thread_lookup.h"

#include "forkmon/wire.h"
#include "process/namespace_pid.h"
#include "process/proc.h"

#include <fmt/format.h>

#include <ctime>

namespace forkmon {
namespace {

constexpr std::size_t max_threads = 4096;

std::optional<FoundThread> read_thread(pid_t pid, pid_t tid) {
  auto text = read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid), 4096);
  auto stat = text ? parse_stat(*text) : Result<ProcStat>(text.error());
  if (!stat || stat->state == 'Z' || stat->state == 'X')
    return std::nullopt;
  return FoundThread{tid, std::move(stat->comm), stat->start_time};
}

std::int64_t now_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

} // namespace

std::optional<FoundThread> find_thread(pid_t pid, std::uint32_t own_id) {
  const auto id = static_cast<pid_t>(own_id);
  if (tid_in_its_namespace(pid, pid) == pid)
    return read_thread(pid, id);
  std::size_t looked_at = 0;
  for (pid_t tid : threads_of(pid)) {
    if (looked_at++ == max_threads)
      break;
    if (tid_in_its_namespace(pid, tid) == id)
      return read_thread(pid, tid);
  }
  return std::nullopt;
}

std::uint64_t boot_ticks_of(std::uint64_t monotonic_ns) {
  const std::int64_t suspended = now_of(CLOCK_BOOTTIME) - now_of(CLOCK_MONOTONIC);
  return (monotonic_ns + static_cast<std::uint64_t>(suspended)) / FM_TICK_NS;
}

} // namespace forkmon
