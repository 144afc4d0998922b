// SPDX-License-Identifier: MIT
/// From a cgroup path to the container that it belongs to.
#pragma once

#include "forkmon/container.h"

#include <optional>
#include <string_view>

namespace forkmon {

/// The innermost container that a cgroup path names, in the forms of docker, containerd, cri-o and
/// podman, with systemd's and cgroupfs's names, of cgroup v1 and v2. Nothing for slices, services,
/// machines (systemd-nspawn, LXC), a container's conmon, and the host. A path is only a name:
/// whoever may create cgroups may claim to be a container.
std::optional<Container> container_of(std::string_view cgroup);

} // namespace forkmon
