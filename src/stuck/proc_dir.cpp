// SPDX-License-Identifier: MIT
#include "stuck/proc_dir.h"

#include "process/proc.h"
#include "util/number.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <memory>

namespace forkmon {
namespace {

constexpr std::size_t status_bytes = 16384;

Fd open_below(const Fd& directory, const std::string& name, int flags) {
  return Fd(openat(directory.get(), name.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
}

std::optional<std::string> read_all(const Fd& file, std::size_t limit) {
  std::string text(limit, '\0');
  std::size_t size = 0;
  while (size < limit) {
    ssize_t got = pread(file.get(), text.data() + size, limit - size, static_cast<off_t>(size));
    if (got < 0)
      return std::nullopt;
    if (got == 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

/// The value of "Key:\tvalue" lines.
std::string_view value_of(std::string_view status, std::string_view key) {
  const auto at = status.find(key);
  if (at == std::string_view::npos || (at != 0 && status[at - 1] != '\n'))
    return {};
  auto value = status.substr(at + key.size());
  value = value.substr(0, value.find('\n'));
  const auto start = value.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : value.substr(start);
}

template <typename T>
bool read_number(std::string_view status, std::string_view key, int base, T& value) {
  auto number = parse_number<T>(value_of(status, key), base);
  value = number.value_or(0);
  return number.has_value();
}

std::optional<std::uint64_t> switches_in(std::string_view status) {
  std::uint64_t voluntary = 0, others = 0;
  if (!read_number(status, "voluntary_ctxt_switches:", 10, voluntary) ||
      !read_number(status, "nonvoluntary_ctxt_switches:", 10, others))
    return std::nullopt;
  return voluntary + others;
}

} // namespace

std::optional<ThreadStatus> parse_thread_status(std::string_view status, std::string_view stat) {
  ThreadStatus thread;
  auto parsed = parse_stat(stat);
  const auto switches = switches_in(status);
  const bool is_whole = switches && read_number(status, "SigCgt:", 16, thread.caught) &&
                        read_number(status, "SigBlk:", 16, thread.blocked) &&
                        read_number(status, "TracerPid:", 10, thread.tracer);
  if (!parsed || !is_whole)
    return std::nullopt;
  thread.state = parsed->state;
  thread.is_worker = parsed->is_worker;
  thread.switches = *switches;
  return thread;
}

std::optional<ProcDir> ProcDir::open(const std::string& path) {
  Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory)
    return std::nullopt;
  Fd syscall = open_below(directory, "syscall", O_RDONLY);
  if (!syscall)
    return std::nullopt;
  return ProcDir(std::move(directory), std::move(syscall));
}

std::optional<std::string> ProcDir::read(const std::string& name, std::size_t limit) const {
  Fd file = open_below(directory_, name, O_RDONLY);
  return file ? read_all(file, limit) : std::nullopt;
}

std::vector<pid_t> ProcDir::threads(std::size_t max) const {
  std::vector<pid_t> tids;
  const int tasks = openat(directory_.get(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> directory(tasks < 0 ? nullptr : fdopendir(tasks), closedir);
  if (!directory)
    return tids;
  while (const dirent* entry = readdir(directory.get())) {
    auto tid = parse_number<pid_t>(entry->d_name);
    if (tid && tids.size() < max)
      tids.push_back(*tid);
  }
  return tids;
}

/// A directory has a link from each directory in it, and two of its own.
std::size_t ProcDir::thread_count() const {
  struct stat info {};
  if (fstatat(directory_.get(), "task", &info, 0) != 0 || info.st_nlink < 2)
    return 0;
  return static_cast<std::size_t>(info.st_nlink) - 2;
}

std::optional<WaitState> ProcDir::first_wait_state() const {
  std::array<char, 256> text{};
  ssize_t length = pread(syscall_.get(), text.data(), text.size(), 0);
  if (length <= 0)
    return std::nullopt;
  return parse_wait_state({text.data(), static_cast<std::size_t>(length)});
}

std::optional<WaitState> ProcDir::wait_state(pid_t tid) const {
  auto text = read(fmt::format("task/{}/syscall", tid), 256);
  return text ? parse_wait_state(*text) : std::nullopt;
}

std::optional<ThreadStatus> ProcDir::status(pid_t tid) const {
  auto status = read(fmt::format("task/{}/status", tid), status_bytes);
  auto stat = read(fmt::format("task/{}/stat", tid), 4096);
  if (!status || !stat)
    return std::nullopt;
  return parse_thread_status(*status, *stat);
}

std::optional<std::uint64_t> ProcDir::sleeps(pid_t tid) const {
  auto status = read(fmt::format("task/{}/status", tid), status_bytes);
  std::uint64_t voluntary = 0;
  if (!status || !read_number(*status, "voluntary_ctxt_switches:", 10, voluntary))
    return std::nullopt;
  return voluntary;
}

std::optional<std::uint64_t> ProcDir::switches(pid_t tid) const {
  auto status = read(fmt::format("task/{}/status", tid), status_bytes);
  return status ? switches_in(*status) : std::nullopt;
}

std::string ProcDir::wait_channel(pid_t tid) const {
  auto text = read(fmt::format("task/{}/wchan", tid), 128);
  return text && *text != "0" ? *text : "";
}

} // namespace forkmon
