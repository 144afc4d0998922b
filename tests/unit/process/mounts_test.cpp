// SPDX-License-Identifier: MIT
#include "process/mounts.h"

#include "process/safe_open.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace forkmon {
namespace {

TEST(LocalType, IsNoNetworkAndNoProgram) {
  for (const char* type : {"ext4", "xfs", "btrfs", "overlay", "tmpfs", "squashfs", "9p"})
    EXPECT_TRUE(is_local_type(type)) << type;
  for (const char* type :
       {"fuse", "fuse.sshfs", "fuseblk", "nfs", "nfs4", "cifs", "autofs", "ceph"})
    EXPECT_FALSE(is_local_type(type)) << type;
}

dev_t device_of(const char* path) {
  struct stat status {};
  EXPECT_EQ(stat(path, &status), 0) << path;
  return status.st_dev;
}

TEST(DeviceAnswers, WhereItIsMounted) {
  EXPECT_TRUE(device_answers(getpid(), device_of("/proc")));
  EXPECT_TRUE(device_answers(getpid(), device_of("/dev/shm")));
  EXPECT_TRUE(device_answers(0x7fffffff, device_of("/proc"))) << "looks at our mounts, too";
}

TEST(DeviceAnswers, WhereNobodySeesItOnlyAsADisk) {
  EXPECT_FALSE(device_answers(getpid(), makedev(0, 0xfffff)));
  EXPECT_TRUE(device_answers(getpid(), makedev(0xfff, 0xff)));
}

TEST(DeviceAnswers, ForFilesInMemory) {
  Fd file(memfd_create("test", MFD_CLOEXEC));
  struct stat status {};
  ASSERT_EQ(fstat(file.get(), &status), 0);
  EXPECT_TRUE(device_answers(getpid(), status.st_dev));
}

TEST(MountAnswers, NotForOneThatNobodySees) {
  EXPECT_FALSE(mount_answers(getpid(), ~std::uint64_t{0}));
}

TEST(FindMount, KnowsWhatAnOpenFileIsOn) {
  auto file = open_regular("/proc/self/exe");
  ASSERT_TRUE(file);
  auto mount = find_mount(0x7fffffff, file->mount_id);
  ASSERT_TRUE(mount) << "looks at our mounts first";
  EXPECT_TRUE(is_local_type(mount->type));
  const auto path = std::filesystem::read_symlink("/proc/self/exe").native();
  EXPECT_TRUE(path.starts_with(mount->place)) << path << " on " << mount->place;
  EXPECT_FALSE(find_mount(getpid(), ~std::uint64_t{0}));
}

TEST(MountPoint, IsThatOfTheType) {
  EXPECT_EQ(mount_point_of("proc"), "/proc");
  EXPECT_EQ(mount_point_of("no such type"), "");
}

TEST(OpenMapFile, OpensWhatIsMappedAndNothingElse) {
  auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  for (const Mapping& mapping : space->mappings()) {
    if (mapping.inode == 0 || !mapping.executable)
      continue;
    auto file = open_map_file(getpid(), mapping.start, mapping.end, mapping.dev, mapping.path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->status.st_ino, mapping.inode);
    auto status = status_of_mapped(*space, mapping);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->inode, file->status.st_ino);
    EXPECT_EQ(status->device, file->status.st_dev);
    auto gone = open_map_file(getpid(), mapping.start, mapping.end + 4096, mapping.dev, "/gone");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ENOENT);
    auto remote = open_map_file(getpid(), mapping.start, mapping.end, makedev(0, 0xfffff), "/far");
    ASSERT_FALSE(remote);
    EXPECT_EQ(remote.error().code, EREMOTE);
    return;
  }
  FAIL() << "this program maps no file";
}

} // namespace
} // namespace forkmon
