# SPDX-License-Identifier: MIT
"""Roots with a few programs in them, on file systems of all kinds."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from harness import run, workload

PROGRAMS = ("malloc_1000", "hold_then_fork", "deadlock_mutex", "suspect", "dlopen_then_fork",
            "child_per_byte")
BTRFS_BYTES = 128 << 20  # mkfs.btrfs takes no less


def copy_root(root):
    """The programs with their C library and loader, as files of their own."""
    paths = {word for program in PROGRAMS for word in run("ldd", workload(program)).stdout.split()
             if word.startswith("/")}
    root.mkdir(parents=True)
    for path in paths:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for program in PROGRAMS:
        shutil.copy(workload(program), root / program)
    return root


def libc_in(root):
    """The path of its C library, which is a file and no link."""
    return next(root.glob("lib*/**/libc.so.6"))


def needs_file_system(name):
    run("modprobe", "-q", name)
    if name not in Path("/proc/filesystems").read_text().split():
        pytest.skip(f"the kernel has no {name}")


def make(*command):
    done = run(*command)
    assert done.returncode == 0, f"{command}: {done.stderr}"


class Storage(contextlib.ExitStack):
    """Makes mounts below a folder, and takes them down again in the other order."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.lower = copy_root(folder / "lower")

    def new_folder(self, name):
        count = len(list(self.folder.iterdir()))
        place = self.folder / f"{name}.{count}"
        place.mkdir()
        return place

    def mount(self, kind, source, options=(), name=None):
        """A new folder with that mounted on it."""
        needs_file_system(kind)
        place = self.new_folder(name or kind)
        make("mount", "-t", kind, *(("-o", ",".join(options)) if options else ()), source, place)
        self.callback(run, "umount", "--lazy", place)
        return place

    def tmpfs(self):
        return self.mount("tmpfs", "none", ["size=64m"])

    def overlay(self, lower=None, upper_in=None, options=()):
        """`upper_in`: the folder for the upper layer, which is on the same file system by default."""
        upper_in = upper_in or self.new_folder("upper")
        for name in ("u", "w"):
            (upper_in / name).mkdir()
        lower = ":".join(str(layer) for layer in lower or [self.lower])
        options = [f"lowerdir={lower}", f"upperdir={upper_in}/u", f"workdir={upper_in}/w", *options]
        return self.mount("overlay", "none", options)

    def bind(self):
        place = self.new_folder("bind")
        make("mount", "--bind", self.lower, place)
        self.callback(run, "umount", "--lazy", place)
        return place

    def on_tmpfs(self):
        place = self.tmpfs()
        shutil.copytree(self.lower, place, dirs_exist_ok=True)
        return place

    def image(self, kind, *command):
        """A file system made of `lower` by the command, which is given the image's path and it."""
        needs_file_system(kind)
        image = self.folder / f"{kind}.img"
        make(*[str(word).format(image=image, root=self.lower) for word in command])
        return self.mount(kind, image, ["loop", "ro"])

    def btrfs(self):
        """With one subvolume, `lower`, that has all of it."""
        needs_file_system("btrfs")
        image = self.folder / "btrfs.img"
        with open(image, "wb") as file:
            os.truncate(file.fileno(), BTRFS_BYTES)
        make("mkfs.btrfs", "--quiet", image)
        place = self.mount("btrfs", image, ["loop"])
        make("btrfs", "subvolume", "create", place / "lower")
        shutil.copytree(self.lower, place / "lower", dirs_exist_ok=True)
        return place

    def snapshot(self, source):
        target = source.with_name("snapshot")
        make("btrfs", "subvolume", "snapshot", source, target)
        return target
