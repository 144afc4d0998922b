// SPDX-License-Identifier: MIT
#include "stuck/own_pipe.h"

#include "process/proc.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string>

namespace forkmon {
namespace {

namespace fs = std::filesystem;

std::string target_of(const std::string& link) {
  std::array<char, 64> target; // "pipe:[INODE]"
  ssize_t length = readlink(link.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : "";
}

/// "flags:\t0100001" of /proc/PID/fdinfo/FD, in octal.
bool is_open_for_writing(const std::string& process, const std::string& fd) {
  auto info = read_file(process + "/fdinfo/" + fd, 1024);
  constexpr std::string_view key = "flags:\t";
  auto at = info ? info->find(key) : std::string::npos;
  if (at == std::string::npos)
    return false;
  int flags = 0;
  const char* start = info->data() + at + key.size();
  std::from_chars(start, info->data() + info->size(), flags, 8);
  return (flags & O_ACCMODE) != O_RDONLY;
}

bool writes_to(const std::string& process, const std::string& pipe) {
  std::error_code error;
  fs::directory_iterator fds(process + "/fd", error), end;
  for (; !error && fds != end; fds.increment(error)) {
    if (target_of(fds->path().native()) == pipe &&
        is_open_for_writing(process, fds->path().filename().native()))
      return true;
  }
  return false;
}

bool others_write_to(const std::string& pipe, pid_t self) {
  return std::ranges::any_of(all_processes(), [&](pid_t pid) {
    return pid != self && writes_to(fmt::format("/proc/{}", pid), pipe);
  });
}

} // namespace

bool is_pipe_without_other_writer(pid_t pid, int fd) {
  std::string own = fmt::format("/proc/{}", pid);
  std::string pipe = target_of(fmt::format("{}/fd/{}", own, fd));
  return pipe.starts_with("pipe:") && writes_to(own, pipe) && !others_write_to(pipe, pid);
}

} // namespace forkmon
