// SPDX-License-Identifier: MIT
#include "process/proc.h"

#include "process/container.h"
#include "util/number.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <sstream>

namespace forkmon {
namespace {

// include/linux/sched.h of the kernel.
constexpr std::uint64_t pf_exiting = 0x4;
constexpr std::uint64_t pf_io_worker = 0x10;
constexpr std::uint64_t pf_user_worker = 0x4000; // since 6.4
constexpr std::uint64_t pf_forknoexec = 0x40;
constexpr std::uint64_t pf_kthread = 0x00200000;

std::uint32_t kernel_dev(std::uint64_t major, std::uint64_t minor) {
  return static_cast<std::uint32_t>(major << 20U | minor);
}

Result<FileId> file_id_of(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0)
    return Error::from_errno("cannot stat " + path, errno);
  return FileId{kernel_dev(major(file.st_dev), minor(file.st_dev)), file.st_ino};
}

std::string_view next_field(std::string_view& text, char separator) {
  auto end = std::min(text.find(separator), text.size());
  auto field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    auto field = next_field(text, ' ');
    if (!field.empty())
      fields.push_back(field);
  }
  return fields;
}

} // namespace

std::vector<pid_t> numbers_in(const std::string& directory) {
  std::vector<pid_t> numbers;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error), end;
  for (; !error && entries != end; entries.increment(error))
    if (auto number = parse_number<pid_t>(entries->path().filename().native()))
      numbers.push_back(*number);
  return numbers;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd)
    return Error::from_errno("cannot open " + path, errno);
  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() < limit) {
    ssize_t got = read(fd.get(), chunk.data(), std::min(chunk.size(), limit - text.size()));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return Error::from_errno("cannot read " + path, errno);
    if (got == 0)
      break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

Result<std::string> read_proc_file(const std::string& path, std::size_t limit) {
  auto text = read_file(path, limit + 1);
  if (text && text->size() > limit)
    return Error{fmt::format("{}: larger than {} bytes", path, limit)};
  return text;
}

Result<ProcStat> parse_stat(std::string_view text) {
  const Error malformed{"malformed /proc/PID/stat"};
  auto open_paren = text.find('(');
  auto close_paren = text.rfind(')'); // the comm may hold any byte, ')' too
  if (open_paren == std::string_view::npos || close_paren == std::string_view::npos ||
      close_paren < open_paren)
    return malformed;
  ProcStat stat;
  auto pid = fields_of(text.substr(0, open_paren));
  auto fields = fields_of(text.substr(close_paren + 1));
  constexpr std::size_t state = 0, ppid = 1, flags = 6, threads = 17, start_time = 19;
  constexpr std::size_t start_code = 23, end_code = 24, start_stack = 25;
  auto number_at = [&fields](std::size_t index) {
    return index < fields.size() ? parse_number<std::uint64_t>(fields[index]).value_or(0) : 0;
  };
  if (pid.size() != 1 || fields.size() <= start_time)
    return malformed;
  const std::uint64_t flag_bits = number_at(flags);
  stat.pid = parse_number<pid_t>(pid[0]).value_or(0);
  stat.comm = text.substr(open_paren + 1, close_paren - open_paren - 1);
  stat.state = fields[state][0];
  stat.ppid = parse_number<pid_t>(fields[ppid]).value_or(0);
  stat.threads = parse_number<std::uint32_t>(fields[threads]).value_or(0);
  stat.start_time = number_at(start_time);
  stat.start_code = number_at(start_code);
  stat.end_code = number_at(end_code);
  stat.start_stack = number_at(start_stack);
  stat.is_kernel_thread = (flag_bits & pf_kthread) != 0;
  stat.forked_no_exec = (flag_bits & pf_forknoexec) != 0;
  stat.is_exiting = (flag_bits & pf_exiting) != 0;
  stat.is_worker = (flag_bits & (pf_io_worker | pf_user_worker)) != 0;
  return stat;
}

Result<ProcStat> read_stat(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text)
    return text.error();
  return parse_stat(*text);
}

Result<ProcStat> read_stat(pid_t pid, pid_t tid) {
  auto text = read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid), 4096);
  if (!text)
    return text.error();
  return parse_stat(*text);
}

std::uint32_t running_threads(const ProcStat& process) {
  constexpr std::uint32_t most_looked_at = 1024;
  if (process.threads <= 1)
    return process.threads;
  std::uint32_t looked_at = 0;
  std::uint32_t running = process.threads;
  for (pid_t tid : threads_of(process.pid)) {
    if (looked_at++ >= most_looked_at)
      break;
    auto thread = read_stat(process.pid, tid);
    if ((!thread || thread->is_worker || thread->is_exiting) && running > 0)
      running--;
  }
  return running;
}

std::vector<pid_t> all_processes() {
  return numbers_in("/proc");
}

std::vector<pid_t> threads_of(pid_t pid) {
  return numbers_in(fmt::format("/proc/{}/task", pid));
}

Result<Fd> open_pidfd(pid_t pid) {
  auto fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0)
    return Error::from_errno(fmt::format("cannot open process {}", pid), errno);
  return Fd(static_cast<int>(fd));
}

std::optional<pid_t> pid_of(int pidfd) {
  const auto info = read_proc_file(fmt::format("/proc/self/fdinfo/{}", pidfd), 4096);
  constexpr std::string_view key = "Pid:\t"; // pidfd_show_fdinfo() in kernel/fork.c
  const auto at = info ? info->find(key) : std::string::npos;
  if (at == std::string::npos)
    return std::nullopt;
  pid_t pid = 0;
  std::from_chars(info->data() + at + key.size(), info->data() + info->size(), pid);
  return pid > 0 ? std::optional(pid) : std::nullopt; // -1: reaped, 0: of another namespace
}

Result<Fd> open_thread_pidfd(pid_t tid) {
  constexpr unsigned pidfd_thread = O_EXCL; // PIDFD_THREAD of newer <linux/pidfd.h>
  auto fd = syscall(SYS_pidfd_open, tid, pidfd_thread);
  if (fd < 0)
    return Error::from_errno(fmt::format("cannot open thread {}", tid), errno);
  return Fd(static_cast<int>(fd));
}

bool has_ended(const Fd& pidfd) {
  pollfd poll_fd{pidfd.get(), POLLIN, 0};
  return poll(&poll_fd, 1, 0) == 1;
}

bool share_memory(pid_t one, pid_t other) {
  constexpr int kcmp_vm = 1; // enum kcmp_type of include/uapi/linux/kcmp.h
  return one != other && syscall(SYS_kcmp, one, other, kcmp_vm, 0, 0) == 0;
}

Result<Executable> read_executable(pid_t pid) {
  const std::string link = fmt::format("/proc/{}/exe", pid);
  std::array<char, PATH_MAX> path;
  ssize_t length = readlink(link.c_str(), path.data(), path.size());
  if (length < 0)
    return Error::from_errno("cannot read " + link, errno);
  auto file = file_id_of(link);
  if (!file)
    return file.error();
  return Executable{std::string(path.data(), static_cast<std::size_t>(length)), *file};
}

Result<Executable> resolve_executable(const std::string& path) {
  std::error_code error;
  auto resolved = std::filesystem::canonical(path, error);
  if (error || path[0] != '/')
    return Error{"cannot resolve " + path};
  auto file = file_id_of(resolved.native());
  if (!file)
    return file.error();
  return Executable{resolved.native(), *file};
}

std::string parse_cgroup(std::string_view text) {
  std::string_view first;
  std::string_view systemd;
  std::string_view unified;
  while (!text.empty()) {
    auto line = next_field(text, '\n');
    auto hierarchy = next_field(line, ':');
    auto controllers = next_field(line, ':');
    if (hierarchy == "0" && line != "/")
      unified = line;
    if (controllers == "name=systemd")
      systemd = line;
    if (first.empty())
      first = line;
  }
  for (std::string_view path : {unified, systemd, first})
    if (container_of(path))
      return std::string(path);
  return std::string(!unified.empty() ? unified : !systemd.empty() ? systemd : first);
}

Result<std::string> read_cgroup(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/cgroup", pid), 65536);
  if (!text)
    return text.error();
  return parse_cgroup(*text);
}

dev_t device_of(const FileId& file) {
  return makedev(file.dev >> 20U, file.dev & 0xfffffU);
}

Result<RegularFile> open_mapped(const MappedFile& file, pid_t pid) {
  return open_map_file(pid, file.start, file.end, file.device, file.path);
}

std::vector<MappedFile> executable_files(const AddressSpace& space) {
  std::vector<MappedFile> files;
  for (const Mapping& mapping : space.mappings()) {
    if (!mapping.executable || mapping.inode == 0)
      continue;
    FileId file{kernel_dev(major(mapping.dev), minor(mapping.dev)), mapping.inode};
    auto same = [&](const MappedFile& other) { return other.file == file; };
    if (std::none_of(files.begin(), files.end(), same))
      files.push_back(
          {file, mapping.start, mapping.end, mapping.file_offset, mapping.dev, mapping.path});
  }
  return files;
}

Result<std::vector<MappedFile>> mapped_files(pid_t pid) {
  auto space = AddressSpace::of(pid);
  if (!space)
    return space.error();
  return executable_files(*space);
}

} // namespace forkmon
