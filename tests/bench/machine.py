# SPDX-License-Identifier: MIT
"""Where and when the numbers were taken, and what else the machine had to do."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from watchers import FORKMON

ROOT = Path(__file__).resolve().parents[2]


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.returncode == 0 else "?"


def cpu_times():
    """(idle, all) in clock ticks since the start of the system."""
    ticks = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    return ticks[3] + ticks[4], sum(ticks)


def busy_with_other_things(seconds=2):
    """Per cent of all CPUs, while nothing of ours runs."""
    idle, everything = cpu_times()
    time.sleep(seconds)
    idle_after, everything_after = cpu_times()
    return 100 - 100 * (idle_after - idle) / (everything_after - everything)


def facts():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    release = platform.freedesktop_os_release()
    memory_kib = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1])
    model = re.search(r"model name\s*: (.*)", cpuinfo)[1]
    virtual = output_of("systemd-detect-virt")
    git = ("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT))
    return {
        "Machine": f"{model}, {os.cpu_count()} CPUs, {memory_kib / 2**20:.0f} GiB, "
                   f"virtual: {virtual}",
        "Kernel": f"Linux {platform.release()} {platform.machine()}",
        "System": f"{release['PRETTY_NAME']}, glibc {platform.libc_ver()[1]}",
        "forkmon": f"{output_of(FORKMON, '--version')}, "
                   f"commit {output_of(*git, 'rev-parse', '--short', 'HEAD')}",
        "Peers": f"{output_of('bpftrace', '--version')}, libbpf-tools "
                 f"{output_of('dpkg-query', '-W', '-f', '${Version}', 'libbpf-tools')}",
        "Date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
