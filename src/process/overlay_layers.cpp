// SPDX-License-Identifier: MIT
#include "process/overlay_layers.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace forkmon {
namespace {

constexpr std::size_t max_layers = 500;
constexpr std::string_view deleted = " (deleted)";

/// As many as overlayfs puts on each other (FILESYSTEM_MAX_STACK_DEPTH).
constexpr int max_depth = 2;

std::string path_of(const Fd& file) {
  std::error_code error;
  return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error).native();
}

using IsWanted = std::function<bool(const Fd&)>;

/// Below `file`, which is the one wanted or what an overlay shows in its place.
std::optional<RegularFile> search(const RegularFile& file, pid_t pid, const IsWanted& is_wanted,
                                  int depth) {
  const auto mount = find_mount(pid, file.mount_id);
  if (!mount || depth > max_depth)
    return std::nullopt;
  const auto paths = paths_in_layers(*mount, path_of(file.fd));
  for (pid_t viewer : {getpid(), 1, pid}) {
    auto root = paths.empty() ? Result<ProcessRoot>(Error{}) : ProcessRoot::of(viewer);
    for (const std::string& path : root ? paths : std::vector<std::string>()) {
      auto below = root->open(path);
      if (!below || !is_wanted(below->fd))
        continue;
      if (!may_be_of_overlay(*below, viewer))
        return std::move(*below);
      if (auto further = search(*below, viewer, is_wanted, depth + 1))
        return further;
    }
  }
  return std::nullopt;
}

/// Up to the next separator that no backslash stands before; removed from `text` with it.
std::string next_layer(std::string_view& text) {
  std::string layer;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == ':')
      break;
    if (c == '\\' && !text.empty()) {
      layer += text.front();
      text.remove_prefix(1);
    } else {
      layer += c;
    }
  }
  return layer;
}

/// Two colons stand before layers that hold data alone, so some names are empty.
void add_layers(std::string_view value, std::vector<std::string>& layers) {
  while (!value.empty() && layers.size() < max_layers)
    if (std::string layer = next_layer(value); !layer.empty())
      layers.push_back(std::move(layer));
}

/// What of the mount's file system the path names; nothing for a path beside the mount.
std::optional<std::string> path_within(const Mount& mount, std::string_view path) {
  const std::string_view place = mount.place == "/" ? std::string_view() : mount.place;
  if (!path.starts_with(place) || path.substr(place.size()).substr(0, 1) != "/")
    return std::nullopt;
  const std::string_view root = mount.root == "/" ? std::string_view() : mount.root;
  return fmt::format("{}{}", root, path.substr(place.size()));
}

} // namespace

std::vector<std::string> layers_of(std::string_view options) {
  std::vector<std::string> upper;
  std::vector<std::string> lower;
  while (!options.empty()) {
    const auto end = std::min(options.find(','), options.size());
    const std::string_view option = options.substr(0, end);
    options.remove_prefix(std::min(end + 1, options.size()));
    const auto equals = std::min(option.find('='), option.size());
    const std::string_view name = option.substr(0, equals);
    const std::string value = unescape_mount(option.substr(std::min(equals + 1, option.size())));
    if (name == "upperdir")
      upper.push_back(value);
    else if (name == "lowerdir")
      add_layers(value, lower);
    else if ((name == "lowerdir+" || name == "datadir+") && lower.size() < max_layers)
      lower.push_back(value);
  }
  upper.insert(upper.end(), lower.begin(), lower.end());
  return upper;
}

std::vector<std::string> paths_in_layers(const Mount& mount, std::string_view path) {
  if (mount.type != "overlay")
    return {};
  if (path.ends_with(deleted))
    path.remove_suffix(deleted.size());
  const auto within = path_within(mount, path);
  if (!within)
    return {};
  std::vector<std::string> paths;
  for (const std::string& layer : layers_of(mount.options))
    paths.push_back(layer + *within);
  return paths;
}

bool may_be_of_overlay(const RegularFile& file, pid_t pid) {
  const auto mount = find_mount(pid, file.mount_id);
  return !mount || mount->type == "overlay";
}

std::optional<RegularFile> open_below(const RegularFile& shown, pid_t pid,
                                      const IsWanted& is_wanted) {
  return search(shown, pid, is_wanted, 0);
}

} // namespace forkmon
