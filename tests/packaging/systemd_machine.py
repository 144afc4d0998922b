# SPDX-License-Identifier: MIT
"""Boots a Debian whose process 1 is systemd in a virtual machine, which runs one program and powers off."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from harness import BUILD, ROOT, run

KERNEL = BUILD / "tests/kernels/bookworm"
SERVICE = """[Unit]
Description=What this machine is for
# multi-user.target is up by then, as for an administrator who installs a package.
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /guest.py
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=graphical.target
"""


def kernel():
    done = run(ROOT / "tests/matrix/fetch_kernel.sh", "bookworm", "amd64", KERNEL, timeout=300)
    assert done.returncode == 0, done.stderr
    (image,) = (KERNEL / "boot").glob("vmlinuz-*")
    return image


def prepare(root, guest):
    """The root runs the program once it has booted, and nothing that this does not need."""
    shutil.copy(guest, root.path("/guest.py"))
    root.path("/etc/systemd/system/guest.service").write_text(SERVICE)
    root.checked("systemctl", "enable", "guest.service")
    root.checked("systemctl", "mask", "serial-getty@ttyS0.service", "apt-daily.timer", "apt-daily-upgrade.timer")


def boot(root, folder, seconds):
    """Boots a copy of the root; what the guest wrote to its second serial port, and what it said on the first."""
    image, results, console = folder / "disk", folder / "results", folder / "console"
    done = run("mke2fs", "-q", "-t", "ext4", "-d", root.folder, image, "2G", timeout=300,
               env=dict(os.environ, PATH=f"/usr/sbin:/sbin:{os.environ['PATH']}"))
    assert done.returncode == 0, done.stderr
    # One thread emulates both processors, as in tests/kernel/run.sh. NVMe and ext4 are built into the kernel.
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "qemu64", "-smp", "2", "-m", "1G",
               "-nodefaults", "-no-reboot", "-display", "none", "-serial", f"file:{console}",
               "-serial", f"file:{results}", "-drive", f"file={image},format=raw,if=none,id=disk,cache=unsafe",
               "-device", "nvme,drive=disk,serial=disk", "-kernel", kernel(),
               "-append", "root=/dev/nvme0n1 rw console=ttyS0 quiet panic=-1 no_timer_check"]
    try:
        subprocess.run(command, timeout=seconds, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        pass  # there are no results then, and the console says how far it came
    text = Path(results).read_text()
    assert text, console.read_text(errors="replace")[-5000:]
    return json.loads(text)
