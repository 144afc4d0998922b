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
#include <iterator>
#include <map>
#include <string>
#include <vector>

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

/// Goes through the descriptors of one process.
class Descriptors {
public:
  Descriptors(std::string process, std::size_t& left) : process_(std::move(process)), left_(left) {}

  /// Removes the pipes that the process may write to; false where the limit was reached.
  bool remove_written(std::set<std::string>& pipes) {
    std::error_code error;
    fs::directory_iterator fds(process_ + "/fd", error), end;
    for (; !error && fds != end && !pipes.empty(); fds.increment(error)) {
      if (left_ == 0)
        return false;
      left_--;
      auto found = pipes.find(target_of(fds->path().native()));
      if (found != pipes.end() && is_open_for_writing(process_, fds->path().filename().native()))
        pipes.erase(found);
    }
    return true;
  }

private:
  std::string process_;
  std::size_t& left_;
};

/// Readers by the pipe that each reads and may write to.
using Candidates = std::multimap<std::string, PipeReader>;

bool writes_itself(const std::string& process, const std::string& pipe, std::size_t& left) {
  std::set<std::string> pipes{pipe};
  return Descriptors(process, left).remove_written(pipes) && pipes.empty();
}

/// What is left of `pipes` after a process that reads some of them itself. Its own pipe is not
/// removed by its own write end.
bool remove_written_by(pid_t pid, const std::string& root, const Candidates& candidates,
                       std::size_t& left, std::set<std::string>& pipes) {
  std::set<std::string> own;
  for (const auto& [pipe, reader] : candidates)
    if (reader.pid == pid && pipes.erase(pipe) != 0)
      own.insert(pipe);
  const bool is_whole = Descriptors(fmt::format("{}/{}", root, pid), left).remove_written(pipes);
  pipes.merge(own);
  return is_whole;
}

} // namespace

std::set<pid_t> readers_of_own_pipes(std::span<const PipeReader> readers, const PipeLimits& limits,
                                     const std::string& root) {
  std::size_t left = limits.descriptors;
  Candidates candidates;
  std::set<std::string> pipes;
  std::vector<pid_t> others; // in the order in which they are looked at
  for (const PipeReader& reader : readers) {
    const std::string process = fmt::format("{}/{}", root, reader.pid);
    const std::string pipe = target_of(fmt::format("{}/fd/{}", process, reader.fd));
    if (!pipe.starts_with("pipe:") || !writes_itself(process, pipe, left))
      continue;
    candidates.emplace(pipe, reader);
    pipes.insert(pipe);
    others.push_back(reader.parent);
  }
  if (!pipes.empty())
    std::ranges::copy(numbers_in(root), std::back_inserter(others));
  std::size_t processes = 0;
  for (pid_t pid : others) {
    if (pipes.empty())
      break;
    if (++processes > limits.processes + readers.size() ||
        !remove_written_by(pid, root, candidates, left, pipes))
      return {};
  }
  std::set<pid_t> alone;
  for (const auto& [pipe, reader] : candidates)
    if (pipes.contains(pipe) && candidates.count(pipe) == 1)
      alone.insert(reader.pid);
  return alone;
}

} // namespace forkmon
