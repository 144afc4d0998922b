// SPDX-License-Identifier: MIT
#include "process/safe_open.h"

#include "process/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include <fmt/format.h>

namespace forkmon {
namespace {

/// What the kernel has at hand of an open file, without asking its file system.
Result<struct statx> look_at(const Fd& handle, const std::string& path) {
  struct statx known {};
  if (statx(handle.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
            STATX_TYPE | STATX_INO | STATX_MNT_ID, &known) != 0)
    return Error::from_errno(path, errno);
  return known;
}

/// Opens for reading what `handle` (O_PATH), on a file system that answers, stands for. The detour
/// keeps FIFOs and devices from seeing an open at all.
Result<RegularFile> reopen(const Fd& handle, const std::string& path) {
  auto known = look_at(handle, path);
  if (!known)
    return known.error();
  if (!S_ISREG(known->stx_mode))
    return Error{path + ": not a regular file", EINVAL};
  const auto link = fmt::format("/proc/self/fd/{}", handle.get());
  RegularFile file;
  file.fd.reset(open(link.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.fd || fstat(file.fd.get(), &file.status) != 0)
    return Error::from_errno(path, errno);
  file.mount_id = known->stx_mnt_id;
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

/// A handle of what is mapped there (O_PATH).
Fd find_mapped(pid_t pid, std::uint64_t start, std::uint64_t end) {
  const auto link = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, start, end);
  return Fd(open(link.c_str(), O_PATH | O_CLOEXEC));
}

/// Is it on a mount that answers? `pid` sees that mount.
bool answers(const Fd& handle, pid_t pid) {
  auto known = look_at(handle, {});
  return known && mount_answers(pid, known->stx_mnt_id);
}

/// `pid` sees the mount of the handle.
Result<RegularFile> reopen_if_it_answers(const Fd& handle, const std::string& path, pid_t pid) {
  return answers(handle, pid) ? reopen(handle, path) : does_not_answer(path);
}

} // namespace

Error does_not_answer(const std::string& path) {
  return {path + ": on a file system in user space or of a network, which may not answer", EREMOTE};
}

Result<RegularFile> open_map_file(pid_t pid, std::uint64_t start, std::uint64_t end, dev_t device,
                                  const std::string& path) {
  // Before the link is followed: a network file system is asked even then (d_weak_revalidate).
  if (!device_answers(pid, device))
    return does_not_answer(path);
  const Fd handle = find_mapped(pid, start, end);
  if (!handle)
    return Error::from_errno(path, errno);
  return reopen(handle, path);
}

Result<MappedStatus> status_of_mapped(const AddressSpace& space, const Mapping& mapping) {
  const Fd handle = find_mapped(space.pid(), mapping.start, mapping.end);
  if (!handle)
    return Error::from_errno(mapping.path, errno);
  auto known = look_at(handle, mapping.path);
  if (!known)
    return known.error();
  return MappedStatus{makedev(known->stx_dev_major, known->stx_dev_minor), known->stx_ino};
}

void note_files(AddressSpace& space) {
  std::map<dev_t, bool> answers;
  for (Mapping& mapping : space.mappings()) {
    if (!mapping.executable || mapping.inode == 0 || major(mapping.dev) != 0)
      continue; // a disk's number is that of one file system
    const auto [known, is_new] = answers.try_emplace(mapping.dev);
    if (is_new)
      known->second = device_answers(space.pid(), mapping.dev);
    if (!known->second)
      continue;
    if (auto status = status_of_mapped(space, mapping))
      mapping.file_dev = status->device;
  }
}

Result<RegularFile> open_mapped(const AddressSpace& space, const Mapping& mapping) {
  if (auto file = open_map_file(space.pid(), mapping.start, mapping.end, mapping.dev, mapping.path);
      file || file.error().code != ENOENT)
    return file;
  if (auto file = with_inode(open_in_root_of(space.pid(), mapping.path), mapping))
    return file;
  return with_inode(open_regular(mapping.path), mapping);
}

Result<ProcessRoot> ProcessRoot::of(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/root", pid);
  Fd root(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!root)
    return Error::from_errno(path, errno);
  if (!answers(root, pid))
    return does_not_answer(path);
  return ProcessRoot(pid, std::move(root));
}

Result<RegularFile> ProcessRoot::open(const std::string& path) const {
  // What the kernel has at hand cannot hang; what it has not must lie on the root's own file
  // system, because any other mount may be served by the watched user.
  Fd handle = open_within(root_.get(), path, RESOLVE_CACHED);
  if (!handle && errno == EAGAIN)
    handle = open_within(root_.get(), path, RESOLVE_NO_XDEV);
  if (!handle)
    return Error::from_errno(path, errno);
  return reopen_if_it_answers(handle, path, pid_);
}

Result<RegularFile> open_in_root_of(pid_t pid, const std::string& path) {
  auto root = ProcessRoot::of(pid);
  return root ? root->open(path) : Result<RegularFile>(root.error().in(path));
}

Result<RegularFile> open_regular(const std::string& path) {
  const Fd handle(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!handle)
    return Error::from_errno(path, errno);
  return reopen_if_it_answers(handle, path, getpid());
}

} // namespace forkmon
