// SPDX-License-Identifier: MIT
#include "process/container.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace forkmon {
namespace {

constexpr std::size_t id_length = 64;

/// What stands before "-ID" in a directory's name, or before ":ID" where runc was told of a systemd
/// slice but made no scope ("SLICE:cri-containerd:ID").
constexpr std::array<std::pair<std::string_view, const char*>, 6> runtimes{{
    {"docker", "docker"},
    {"cri-containerd", "containerd"},
    {"nerdctl", "containerd"},
    {"crio", "cri-o"},
    {"libpod", "podman"},
    {"libpod-payload", "podman"},
}};

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::string_view take_last_directory(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view last = path.substr(slash + 1); // npos + 1 is 0
  path = slash == std::string_view::npos ? "" : path.substr(0, slash);
  return last;
}

/// Of a directory that is called by the id alone, as cgroupfs has it: its parents tell. Kubernetes
/// writes /kubepods/QOS/podUID/ID for all but cri-o; since 1.24 that is containerd.
const char* runtime_of_parents(std::string_view parents) {
  if (parents.ends_with("/docker") || parents == "docker")
    return "docker";
  if (parents.find("/kubepods") != std::string_view::npos)
    return "containerd";
  return "unknown";
}

std::optional<Container> container_in(std::string_view name, std::string_view parents) {
  constexpr std::string_view scope = ".scope";
  if (name.ends_with(scope))
    name.remove_suffix(scope.size());
  if (name.size() < id_length)
    return std::nullopt;
  const std::string_view id = name.substr(name.size() - id_length);
  if (!std::ranges::all_of(id, is_hex))
    return std::nullopt;
  std::string_view prefix = name.substr(0, name.size() - id_length);
  if (prefix.empty())
    return Container{runtime_of_parents(parents), std::string(id)};
  const char separator = prefix.back();
  if (separator != '-' && separator != ':')
    return std::nullopt;
  prefix.remove_suffix(1);
  if (separator == ':')
    prefix = prefix.substr(prefix.rfind(':') + 1);
  if (prefix.ends_with("-conmon")) // beside the container, and not in it
    return std::nullopt;
  for (const auto& [known, runtime] : runtimes)
    if (prefix == known)
      return Container{runtime, std::string(id)};
  return Container{"unknown", std::string(id)};
}

} // namespace

std::optional<Container> container_of(std::string_view cgroup) {
  while (!cgroup.empty()) {
    const std::string_view name = take_last_directory(cgroup);
    if (auto container = container_in(name, cgroup))
      return container;
  }
  return std::nullopt;
}

} // namespace forkmon
