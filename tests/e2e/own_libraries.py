# SPDX-License-Identifier: MIT
"""Workloads with other allocators and C libraries than the system's."""

import os
import shutil
import subprocess
from pathlib import Path

from harness import ROOT, run

LIBRARIES = Path("/usr/lib") / os.uname().machine.replace("arm64", "aarch64")
LIBRARIES = LIBRARIES.with_name(LIBRARIES.name + "-linux-gnu")
ALLOCATORS = {
    "jemalloc": LIBRARIES / "libjemalloc.so.2",
    "tcmalloc": LIBRARIES / "libtcmalloc_minimal.so.4",
    "mimalloc": next(LIBRARIES.glob("libmimalloc.so.[23]"), None),  # of Debian 12, of 13
}
# The kernel's headers are those of x86-64: see tests/kernel/run.sh.
I386 = ("gcc", "-m32", "-isystem", "/usr/include/x86_64-linux-gnu")
C_LIBRARIES = {
    "static_glibc": ("gcc", "-static"),
    "musl": ("musl-gcc",),
    "static_musl": ("musl-gcc", "-static"),
}


def compiled(folder, workload, compiler="gcc", *options):
    """The workload's source, made into a program in `folder`."""
    program = folder / workload
    source = ROOT / "tests/workloads" / f"{workload}.c"
    done = run(compiler, "-O1", "-fno-builtin", "-D_GNU_SOURCE", "-w", source, "-o", program,
               "-pthread", *options)
    assert done.returncode == 0, done.stderr
    return program


def linked_with(folder, workload, allocator):
    """Its symbols come before libc's."""
    return compiled(folder, workload, "gcc", "-Wl,--no-as-needed", str(ALLOCATORS[allocator]))


def library(folder, source, soname):
    """A library of that source."""
    path = folder / soname
    code = folder / f"{soname}.c"
    code.write_text(source)
    done = run("gcc", "-O1", "-shared", "-fPIC", f"-Wl,-soname,{soname}", code, "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def chroot_with(folder, program):
    """A root folder with the program, its C library and its loader, none of them the system's."""
    root = folder / "root"
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [word for word in listing.split() if word.startswith("/")]
    assert any("libc.so.6" in path for path in paths), listing
    for path in [str(program), *paths]:
        target = root / (Path(path).name if path == str(program) else path.lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    return root
