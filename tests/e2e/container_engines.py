# SPDX-License-Identifier: MIT
"""podman and containerd, with a folder of their own for all that they store, and an image of a layer."""

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness import Running, run, wait_until

IMAGE = "localhost/forkmon:test"


def make_image(layer, path):
    """An archive as `docker save` writes it, of that one layer."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(layer, arcname=".")
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {"architecture": machine, "os": "linux", "config": {"Env": ["PATH=/bin"]},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "layer.tar": packed.getvalue(),
             "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


class EngineContainer:
    """What such an engine runs: `command` runs it and ends with it."""

    def __init__(self, identity, command):
        self.id = identity
        self.command = command


class Podman:
    """As root, with runc, and no limits that a test machine may refuse. What it stores is in a folder of a short name,
    which it insists on."""

    def __init__(self, _, image):
        self.folder = Path(tempfile.mkdtemp())
        self.command = ["podman", f"--root={self.folder}/storage", f"--runroot={self.folder}/run",
                        "--runtime=runc",
                        "--cgroup-manager=cgroupfs", "--events-backend=none"]
        done = run(*self.command, "load", "--quiet", "--input", image)
        assert done.returncode == 0, done.stderr

    def container(self, *arguments):
        """Podman chooses its id: known once it has been made."""
        done = run(*self.command, "create", "--network=none", "--log-driver=none", "--interactive",
                   "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", IMAGE, *arguments)
        assert done.returncode == 0, done.stderr
        identity = done.stdout.strip()
        return EngineContainer(identity, [*self.command, "start", "--attach", "--interactive", identity])

    def close(self):
        run(*self.command, "rm", "--all", "--force", "--time=0")
        run("umount", "--recursive", self.folder / "storage/overlay")
        shutil.rmtree(self.folder)


class Containerd:
    """A daemon, and its own client. The container is a child of the daemon's shim, not of the client."""

    PLUGINS = ("grpc.v1.cri", "snapshotter.v1.btrfs", "snapshotter.v1.aufs", "snapshotter.v1.zfs",
               "snapshotter.v1.devmapper")

    def __init__(self, folder, image):
        self.folder = folder
        (folder / "config.toml").write_text(
            f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
            f'disabled_plugins = {[f"io.containerd.{name}" for name in self.PLUGINS]}\n'
            f'[grpc]\naddress = "{folder}/socket"\n')
        self.daemon = Running(["containerd", "--config", folder / "config.toml"],
                              errors_to=folder / "log")
        wait_until(lambda: "successfully booted" in self.daemon.stderr(), "containerd serves")
        self.command = ["ctr", "--address", str(folder / "socket")]
        subprocess.run([*self.command, "image", "import", image], check=True, capture_output=True)

    def container(self, *arguments):
        identity = secrets.token_hex(32)
        return EngineContainer(identity, [*self.command, "run", "--rm", IMAGE, identity, *arguments])

    def close(self):
        """A test that failed may have left containers, each with a shim that outlives the daemon."""
        tasks = run(*self.command, "task", "list", "--quiet").stdout.split()
        for task in tasks:
            run(*self.command, "task", "delete", "--force", task)
        self.daemon.end()


@contextlib.contextmanager
def engine(kind, folder, image):
    running = kind(folder, image)
    try:
        yield running
    finally:
        running.close()
