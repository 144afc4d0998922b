# SPDX-License-Identifier: MIT
"""Containers made by runc: a bundle whose root is an overlayfs, with namespaces and a control group of its own."""

import contextlib
import json
import secrets
import shutil
import subprocess
from pathlib import Path

from harness import run, wait_until, workload

NAMESPACES = ("pid", "ipc", "uts", "mount", "network")
PATIENCE = 30


def libraries_of(program):
    """The shared libraries of a program and its loader; none of a static one."""
    return [word for word in run("ldd", program).stdout.split() if word.startswith("/")]


def make_layer(folder, *workloads):
    """A folder for the lowest layer of a root: workloads, the C library that they need and a shell. It has
    copies of the host's files, so that the host does not know them."""
    for name in ("bin", "dev", "proc", "tmp"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), folder / "bin/sh")
    for name in workloads:
        shutil.copy(workload(name), folder / name)
        for library in libraries_of(workload(name)):
            copy = folder / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, copy)
    return folder


@contextlib.contextmanager
def mounted(place, *arguments):
    """A mount on that folder, for as long as the context lasts."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *map(str, arguments), place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def overlay(folder, *lower, options=""):
    """A root of these layers, the uppermost one first; what is written goes into `folder`."""
    for name in ("upper", "work"):
        (folder / name).mkdir(parents=True)
    layers = ":".join(map(str, lower))
    with mounted(folder / "root", "-t", "overlay", "forkmon-test", "-o",
                 f"lowerdir={layers},upperdir={folder}/upper,workdir={folder}/work{options}") as root:
        yield root


def bundle_config(root, arguments, environment):
    """The least that a runtime needs; no terminal, and of devices nothing but a folder for them."""
    return {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "cwd": "/",
                    "args": arguments, "env": ["PATH=/bin", *environment]},
        "root": {"path": str(root)},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                    "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES],
                  "resources": {"devices": [{"allow": False, "access": "rwm"}]}},
    }


class Container:
    """A container with that root. `command` runs it and ends with it: what starts it, and ends it before the
    context does, is the test's affair."""

    def __init__(self, folder, root, *arguments, environment=(), change=lambda config: None):
        self.id = secrets.token_hex(32)
        self.folder = folder / self.id[:12]
        self.folder.mkdir(parents=True)
        self.root = root
        config = bundle_config(root, list(map(str, arguments)), environment)
        change(config)
        (self.folder / "config.json").write_text(json.dumps(config))
        self.runc = ["runc", "--root", str(self.folder / "state")]
        self.pid_file = self.folder / "pid"
        self.command = [*self.runc, "run", "--bundle", str(self.folder), "--pid-file",
                        str(self.pid_file), self.id]

    def pid(self):
        """The pid of its first process, as the host has it, once it runs."""
        return int(wait_until(lambda: self.pid_file.exists() and self.pid_file.read_text(),
                              "the container runs", PATIENCE))

    def host_pid(self, inner):
        """The host's pid of the living process or thread that has the pid `inner` in the container."""
        for status in Path("/proc").glob("[0-9]*/task/[0-9]*/status"):
            with contextlib.suppress(OSError):
                fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
                pids = fields["NSpid"].split()
                if pids[1:] == [str(inner)] and self.id in status.with_name("cgroup").read_text():
                    return int(pids[0])
        raise AssertionError(f"no process {inner} in the container")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run(*self.runc, "delete", "--force", self.id)
