// SPDX-License-Identifier: MIT
/// Where the files of an overlayfs mount lie.
#pragma once

#include "process/mounts.h"
#include "process/safe_open.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

/// The folders that a mount of overlayfs is made of, the topmost first, from its options as
/// /proc/PID/mountinfo shows them (ovl_show_options() in fs/overlayfs/params.c): `upperdir`,
/// `lowerdir` with colons between the layers, and `lowerdir+` and `datadir+` of newer kernels. As
/// whoever mounted it wrote them: they may be relative, or of another mount namespace. At most 500,
/// as many as overlayfs allows.
std::vector<std::string> layers_of(std::string_view options);

/// Where a file of that mount would lie in each layer. `path` is the file's, as readlink(2) shows
/// an open descriptor of it. Empty where the mount is no overlay, or the path is not below it.
std::vector<std::string> paths_in_layers(const Mount& mount, std::string_view path);

/// The file that an overlay has below one that is open, through an overlay that process `pid` sees
/// or we see: looked for in the layers, as we, the host's first process and `pid` see these, and
/// in the layers of overlays among these. Nothing: `shown` is of no overlay, or none of the files
/// that can be reached is the one wanted. `is_wanted` decides by the open descriptor.
std::optional<RegularFile> open_below(const RegularFile& shown, pid_t pid,
                                      const std::function<bool(const Fd&)>& is_wanted);

/// Is it open through an overlay? Also true where its mount is not seen.
bool may_be_of_overlay(const RegularFile& file, pid_t pid);

} // namespace forkmon
