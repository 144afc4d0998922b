// SPDX-License-Identifier: MIT
/// The container that a process runs in.
#pragma once

#include <string>

namespace forkmon {

struct Container {
  std::string runtime; ///< docker, containerd, cri-o or podman; unknown where the path does not say
  std::string id;      ///< 64 hexadecimal digits

  /// As Kubernetes and kube-state-metrics write it: "containerd://0123…".
  std::string uri() const { return runtime + "://" + id; }
  bool operator==(const Container&) const = default;
};

} // namespace forkmon
