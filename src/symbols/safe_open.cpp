// SPDX-License-Identifier: MIT
#include "symbols/safe_open.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace forkmon {
namespace {

/// A file system that user space serves can keep whoever opens or reads a file waiting for ever.
bool is_served_by_user_space(int fd) {
  struct statfs status {};
  return fstatfs(fd, &status) != 0 || status.f_type == FUSE_SUPER_MAGIC;
}

/// Opens for reading what `handle` (O_PATH) stands for. The detour keeps FIFOs, devices and FUSE
/// from seeing an open at all.
Result<RegularFile> reopen(const Fd& handle, const std::string& path) {
  RegularFile file;
  if (fstat(handle.get(), &file.status) != 0)
    return Error::from_errno(path, errno);
  if (!S_ISREG(file.status.st_mode))
    return Error{path + ": not a regular file"};
  if (is_served_by_user_space(handle.get()))
    return Error{path + ": on a file system in user space"};
  const auto link = fmt::format("/proc/self/fd/{}", handle.get());
  file.fd.reset(open(link.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.fd)
    return Error::from_errno(path, errno);
  return file;
}

Fd open_within(int root, const std::string& path, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  return Fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Result<RegularFile> with_inode(Result<RegularFile> file, const Mapping& mapping) {
  if (file && file->status.st_ino != mapping.inode)
    return Error{mapping.path + ": replaced since it was mapped"};
  return file;
}

} // namespace

Result<RegularFile> open_mapped(const AddressSpace& space, const Mapping& mapping) {
  const auto link =
      fmt::format("/proc/{}/map_files/{:x}-{:x}", space.pid(), mapping.start, mapping.end);
  if (auto file = open_regular(link); file || file.error().code != ENOENT)
    return file;
  if (auto file = with_inode(open_in_root_of(space.pid(), mapping.path), mapping))
    return file;
  return with_inode(open_regular(mapping.path), mapping);
}

Result<RegularFile> open_in_root_of(pid_t pid, const std::string& path) {
  const Fd root(open(fmt::format("/proc/{}/root", pid).c_str(), O_PATH | O_CLOEXEC));
  if (!root)
    return Error::from_errno(fmt::format("/proc/{}/root", pid), errno);
  if (is_served_by_user_space(root.get()))
    return Error{path + ": on a file system in user space"};
  // What the kernel has at hand cannot hang; what it has not must lie on the root's own file
  // system, because any other mount may be served by the watched user.
  Fd handle = open_within(root.get(), path, RESOLVE_CACHED);
  if (!handle && errno == EAGAIN)
    handle = open_within(root.get(), path, RESOLVE_NO_XDEV);
  if (!handle)
    return Error::from_errno(path, errno);
  return reopen(handle, path);
}

Result<RegularFile> open_regular(const std::string& path) {
  const Fd handle(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!handle)
    return Error::from_errno(path, errno);
  return reopen(handle, path);
}

} // namespace forkmon
