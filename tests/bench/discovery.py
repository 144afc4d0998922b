# SPDX-License-Identifier: MIT
"""discovery.py BUILD: what finding the libraries of 2,000 processes of 50 containers costs.

Each container is a root folder with copies of the loader, the C library and sleep, so that no file
is another's; each process is in a mount namespace of its own."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONTAINERS = 50
PROCESSES = 2000


def make_root(folder):
    listing = subprocess.run(["ldd", "/bin/sleep"], capture_output=True, text=True, check=True)
    for path in ["/bin/sleep"] + [w for w in listing.stdout.split() if w.startswith("/")]:
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


def start(root):
    return subprocess.Popen(["unshare", "--mount", "chroot", root, "/bin/sleep", "3600"])


def is_in_place(process):
    return Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n"


def main(build):
    with tempfile.TemporaryDirectory(prefix="forkmon-discovery-") as folder:
        roots = [make_root(Path(folder) / str(i)) for i in range(CONTAINERS)]
        processes = []
        try:
            for i in range(PROCESSES):
                processes.append(start(roots[i % CONTAINERS]))
            while not all(is_in_place(process) for process in processes):
                time.sleep(0.1)
            pids = "\n".join(str(process.pid) for process in processes)
            done = subprocess.run([Path(build) / "tests/bench/discovery"], input=pids, text=True,
                                  capture_output=True, check=True)
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()
    sys.stderr.write(done.stderr)
    found, files, errors, cpu_ms = done.stdout.split()
    print(f"{found} processes, {files} files, {errors} errors: {cpu_ms} ms of CPU")


if __name__ == "__main__":
    main(sys.argv[1])
