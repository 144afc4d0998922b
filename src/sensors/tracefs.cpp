// SPDX-License-Identifier: MIT
#include "sensors/tracefs.h"

#include "process/pid_namespace.h"
#include "process/proc.h"
#include "util/fd.h"
#include "util/number.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace forkmon {
namespace {

constexpr std::string_view group_prefix = "forkmon_";

/// The kernel reads uprobe_events in pieces of this size (WRITE_BUFSIZE in kernel/trace/trace.c).
constexpr std::size_t max_write = 4096;

bool is_tracefs(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == TRACEFS_MAGIC;
}

/// Says what to do about it where that is known.
Error cannot_write_to(const std::string& tracefs, int error) {
  auto failed = Error::from_errno(tracefs + "/uprobe_events cannot be written", error);
  if (error == ENOENT)
    return {tracefs + "/uprobe_events is missing: use a kernel built with CONFIG_UPROBE_EVENTS=y",
            error};
  if (error == EROFS)
    return {fmt::format("{}: mount -o remount,rw {}, or give the container tracefs as a volume",
                        failed.message, tracefs),
            error};
  return failed;
}

Status append(const std::string& path, const std::string& text) {
  Fd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd)
    return Error::from_errno("cannot open " + path, errno);
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Error::from_errno("cannot write to " + path, errno);
  return ok();
}

/// "forkmon_PIDNAMESPACE_PID_STARTTIME": whose group this is, however often the pid is used again.
std::string group_of(PidNamespace space, pid_t pid, std::uint64_t start_time) {
  return fmt::format("{}{}_{}_{}", group_prefix, space.inode, pid, start_time);
}

std::optional<std::array<std::uint64_t, 3>> numbers_of(std::string_view group) {
  std::array<std::uint64_t, 3> numbers{};
  for (std::uint64_t& number : numbers) {
    const auto end = std::min(group.find('_'), group.size());
    const auto read = parse_number<std::uint64_t>(group.substr(0, end));
    if (!read)
      return std::nullopt;
    number = *read;
    group.remove_prefix(std::min(end + 1, group.size()));
  }
  return group.empty() ? std::optional(numbers) : std::nullopt;
}

/// Has that agent ended? Of other pid namespaces only the first one can tell, by whether anybody
/// is left there at all.
bool has_ended(PidNamespace own, PidNamespace space, pid_t pid, std::uint64_t start_time) {
  if (space.inode != own.inode)
    return own.sees_whole_host() && !is_inhabited(space);
  const auto running = read_stat(pid);
  return !running || running->start_time != start_time;
}

/// Is this a group of an agent that has ended?
bool is_left_over(PidNamespace own, std::string_view group) {
  if (!group.starts_with(group_prefix))
    return false;
  const auto numbers = numbers_of(group.substr(group_prefix.size()));
  if (!numbers)
    return false;
  const auto& [space, pid, start_time] = *numbers;
  return has_ended(own, {static_cast<std::uint32_t>(space)}, static_cast<pid_t>(pid), start_time);
}

/// Lines of uprobe_events look like "p:GROUP/EVENT PATH:OFFSET".
void remove_left_overs(PidNamespace own, const std::string& tracefs) {
  std::ifstream events(tracefs + "/uprobe_events");
  std::vector<std::string> names;
  for (std::string line; std::getline(events, line);) {
    auto name = line.substr(0, line.find(' '));
    auto slash = name.find('/');
    if (!name.starts_with("p:") || slash == std::string::npos)
      continue;
    if (is_left_over(own, std::string_view(name).substr(2, slash - 2)))
      names.push_back(name.substr(2));
  }
  for (const std::string& name : names) // the second line of an event with several sites fails
    (void)append(tracefs + "/uprobe_events", fmt::format("-:{}\n", name));
}

/// Can the kernel's parser take it? It splits at white space and at the last colon.
bool is_plain(const std::string& path) {
  return path.find_first_of(" \t\r\n#\\\"';:,") == std::string::npos && path.size() < 1024;
}

/// A way to name the file that the parser can take. `keep` holds what it refers to.
Result<std::string> parseable(const std::string& path, std::vector<Fd>& keep) {
  // Of other processes in /proc, the kernel would look the file up once more.
  if (is_plain(path) && (!path.starts_with("/proc/") || path.starts_with("/proc/self/fd/")))
    return path;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd)
    return Error::from_errno("cannot open " + path, errno);
  keep.push_back(std::move(fd));
  return fmt::format("/proc/self/fd/{}", keep.back().get());
}

} // namespace

Result<std::string> find_tracefs() {
  for (const char* path : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"})
    if (is_tracefs(path))
      return std::string(path);
  return Error{"tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing"};
}

UprobeEvents::UprobeEvents(std::string tracefs, std::string group)
    : tracefs_(std::move(tracefs)), group_(std::move(group)) {}

Result<UprobeEvents> UprobeEvents::create() {
  auto tracefs = find_tracefs();
  if (!tracefs)
    return tracefs.error();
  if (access((*tracefs + "/uprobe_events").c_str(), W_OK) != 0)
    return cannot_write_to(*tracefs, errno);
  const auto own = own_pid_namespace();
  if (!own)
    return own.error();
  remove_left_overs(*own, *tracefs);
  auto self = read_stat(getpid());
  if (!self)
    return self.error();
  return UprobeEvents(*tracefs, group_of(*own, getpid(), self->start_time));
}

UprobeEvents::~UprobeEvents() {
  for (const std::string& event : events_)
    (void)append(tracefs_ + "/uprobe_events", fmt::format("-:{}/{}\n", group_, event));
}

Result<std::uint64_t> UprobeEvents::define(const std::string& name,
                                           std::span<const ProbePoint> points) {
  const std::string file = tracefs_ + "/uprobe_events";
  std::vector<Fd> keep;
  std::map<std::string, std::string> parseable_paths;
  std::string text;
  for (const ProbePoint& point : points) {
    std::string& path = parseable_paths[point.path]; // opened once, however many points
    if (path.empty()) {
      auto found = parseable(point.path, keep);
      if (!found)
        return found.error();
      path = std::move(*found);
    }
    std::string line = fmt::format("p:{}/{} {}:0x{:x}\n", group_, name, path, point.offset);
    if (text.size() + line.size() >= max_write) {
      if (auto done = append(file, std::exchange(text, {})); !done)
        return done.error();
    }
    if (events_.empty() || events_.back() != name)
      events_.push_back(name);
    text += line;
  }
  if (auto done = append(file, text); !done)
    return done.error();
  std::ifstream id_file(fmt::format("{}/events/{}/{}/id", tracefs_, group_, name));
  std::uint64_t id = 0;
  if (!(id_file >> id))
    return Error{fmt::format("tracefs shows no id for the event {}/{}", group_, name)};
  return id;
}

} // namespace forkmon
