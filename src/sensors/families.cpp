// SPDX-License-Identifier: MIT
#include "sensors/families.h"

#include <bpf/bpf.h>

#include <cerrno>

namespace forkmon {
namespace {

constexpr const char* cannot_mark = "cannot mark a process in the kernel";

} // namespace

std::optional<fm_family> FamilyMap::find(int pidfd) const {
  fm_family family{};
  if (map_.look_up(pidfd, &family) != 0)
    return std::nullopt;
  return family;
}

Status FamilyMap::add_flags(int pidfd, std::uint32_t flags) const {
  auto family = find(pidfd);
  if (!family)
    return ok();
  family->flags |= flags;
  if (int error = map_.update(pidfd, &*family, BPF_EXIST); error != 0)
    return Error::from_errno(cannot_mark, -error);
  return ok();
}

Status FamilyMap::set(int pidfd, const fm_family& family) const {
  if (int error = map_.update(pidfd, &family, BPF_ANY); error != 0)
    return Error::from_errno(cannot_mark, -error);
  return ok();
}

Status FamilyMap::clear(int pidfd) const {
  int error = map_.erase(pidfd);
  if (error != 0 && error != -ENOENT)
    return Error::from_errno(cannot_mark, -error);
  return ok();
}

} // namespace forkmon
