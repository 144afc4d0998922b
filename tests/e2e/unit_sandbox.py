# SPDX-License-Identifier: MIT
"""Runs a program under the restrictions of deploy/systemd/forkmon.service that need no systemd:

    /usr/bin/python3 unit_sandbox.py PROGRAM ARG…

capabilities, no new privileges, SystemCallFilter, RestrictAddressFamilies, RestrictNamespaces and
MemoryDenyWriteExecute (as src/shared/seccomp-util.c of systemd makes filters of them), and /sys
read-only but for tracefs. A system call that is not allowed kills the program (SIGSYS).
"""

import mmap
import os
import re
import subprocess
import sys
from errno import ENOSYS
from pathlib import Path

UNIT = Path(__file__).resolve().parents[2] / "deploy/systemd/forkmon.service.in"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
CLONE_NAMESPACES = 0x7E020080
# A bind mount of the file stays writable when the mount around it becomes read-only.
MOUNTS = """
mount --make-rprivate /
mount --bind /sys/kernel/tracing/uprobe_events /sys/kernel/tracing/uprobe_events
mount -o remount,bind,ro /sys/kernel/tracing
mount -o remount,bind,ro /sys
exec "$@"
"""


def settings():
    """{key: [values]} of the unit."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def capabilities():
    """As setpriv wants them: bpf, perfmon…"""
    [line] = settings()["CapabilityBoundingSet"]
    return [name.removeprefix("CAP_").lower() for name in line.split()]


def only(names):
    """A command prefix: root with these capabilities and no others."""
    wanted = ",".join(["-all", *(f"+{name}" for name in names)])
    return ("setpriv", f"--bounding-set={wanted}", "--inh-caps=-all", "--no-new-privs")


def groups():
    """{@group: its members}, as systemd has them."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True,
                          capture_output=True, text=True).stdout
    found, members = {}, []
    for line in re.sub(r"\x1b\[[\d;]*m", "", text).splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return found


def expand(name, known):
    if not name.startswith("@"):
        return {name}
    return set().union(*(expand(member, known) for member in known[name]))


def allowed_calls():
    known, allowed = groups(), set()
    for line in settings()["SystemCallFilter"]:
        names = set().union(*(expand(name, known) for name in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed | expand("@default", known)


def load_filter():
    import seccomp  # Debian's python3-seccomp, for Debian's python3
    calls = allowed_calls()
    rules = seccomp.SyscallFilter(defaction=seccomp.KILL_PROCESS)
    special = {"socket", "mmap", "mprotect", "pkey_mprotect", "clone", "clone3", "unshare", "setns"}
    for name in calls - special:
        if seccomp.resolve_syscall(seccomp.Arch(), name) >= 0:  # others are not of this machine
            rules.add_rule(seccomp.ALLOW, name)
    for family in settings()["RestrictAddressFamilies"][0].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, FAMILIES[family]))
    for protection in (mmap.PROT_WRITE, mmap.PROT_EXEC):
        rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, protection, 0))
    rules.add_rule(seccomp.ALLOW, "mprotect",
                   seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0))
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_NAMESPACES, 0))
    rules.add_rule(seccomp.ERRNO(ENOSYS), "clone3")  # glibc then takes clone
    rules.load()


def main(program):
    os.umask(0o077)
    load_filter()
    os.execvp(program[0], program)


def prefix():
    """What goes before a command so that it runs as in the unit."""
    return ("unshare", "--mount", "sh", "-ec", MOUNTS, "sh", *only(capabilities()),
            "/usr/bin/python3", __file__)


if __name__ == "__main__":
    main(sys.argv[1:])
