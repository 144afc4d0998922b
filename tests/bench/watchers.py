# SPDX-License-Identifier: MIT
"""What watches the system while a load runs: nothing, forkmon, and its peers."""

import atexit
import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from loads import Program

FORKMON = os.environ["FORKMON"]
OUT = Path(os.environ["BENCH_OUT"])
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
START_TIMEOUT = 30

COUNT_FORKS_AND_EXECS = (
    'BEGIN { printf("ready\\n"); } '
    "tracepoint:sched:sched_process_fork { @forks = count(); } "
    "tracepoint:sched:sched_process_exec { @execs = count(); }")

# Every malloc of every process traps while this runs, so it ends by itself.
COUNT_ALLOCATIONS = (
    'BEGIN { printf("ready\\n"); } interval:s:10 { exit(); } '
    f"uprobe:{LIBC}:malloc {{ @malloc[pid] = count(); }} "
    f"uprobe:{LIBC}:free {{ @free[pid] = count(); }}")


class Nothing:
    """The system as it is."""

    pid = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Watcher:
    """A program beside the load, ready when the constructor returns."""

    def __init__(self, name, command, ready):
        self.log = OUT / f"{name}.log"
        began = time.monotonic()
        with open(self.log, "wb") as log:
            self.spawn(command, stdout=log, stderr=subprocess.STDOUT)
        self.wait_until(lambda: ready in self.log.read_text(errors="replace"))
        self.start_s = time.monotonic() - began

    def spawn(self, command, **options):
        """Whatever becomes of the benchmark, nothing watches the system after it."""
        self.process = subprocess.Popen(command, **options)
        self.pid = self.process.pid
        atexit.register(self.process.kill)

    def wait_until(self, condition):
        deadline = time.monotonic() + START_TIMEOUT
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.process.args[0]} is not ready: {self.log}")
            time.sleep(0.005)

    def cpu_ns(self):
        """Time on a CPU of all its threads so far."""
        total = 0
        for schedstat in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            total += int(schedstat.read_text().split()[0])
        return total

    def rss_mib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024

    def rss_parts(self):
        """In words. The pages of a ring buffer count as a file's, and are mapped twice."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        parts = re.findall(r"Rss(Anon|File|Shmem):\s*(\d+)", status)
        return ", ".join(f"{int(kib) / 1024:.1f} MiB {kind.lower()}" for kind, kib in parts)

    def stop(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args[0]} ended while it was measured: {self.log}")
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Forkmon(Watcher):
    """forkmon, which says through the socket of sd_notify(3) when it is ready."""

    def __init__(self, *options):
        self.log = OUT / "forkmon.log"
        address = str(OUT / "notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        with (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
              open(self.log, "wb") as log):
            notified.bind(address)
            notified.settimeout(START_TIMEOUT)
            began = time.monotonic()
            self.spawn([FORKMON, *map(str, options)], stdout=log, stderr=log,
                       env={**os.environ, "NOTIFY_SOCKET": address})
            notified.recv(64)
            self.start_s = time.monotonic() - began


class Agent(Forkmon):
    """The daemon; its findings go to a file."""

    def __init__(self, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.findings = OUT / "findings.json"
        super().__init__("--listen", f"127.0.0.1:{self.port}", "-o", self.findings, *options)

    def metric(self, name, label=""):
        """The sum of the series of that name which carry this label."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^forkmon_{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for labels, value in found if label in labels)

    def settled_metric(self, name, label=""):
        """Once it does not change any more: the agent has read what the kernel sent it."""
        value, before = self.metric(name, label), None
        while value != before:
            time.sleep(1.2)
            before, value = value, self.metric(name, label)
        return value


class TraceOf(Forkmon):
    """forkmon --trace -p PID: the process is armed, hot functions and all."""

    def __init__(self, pid):
        super().__init__("--trace", "--format", "json", "-o", OUT / "trace.json", "-p", pid)


class Bpftrace(Watcher):
    """bpftrace, with a script that prints that it is ready."""

    def __init__(self, name, script):
        super().__init__(name, ["bpftrace", "-B", "line", "-e", script], "ready")


class BareHook(Program):
    """An empty BPF program where forkmon has its own: what the kernel takes for the hook alone."""

    def __init__(self, *where):
        super().__init__("bare_hook", *where)
        self.hear()


def bare_page_faults():
    return BareHook("page_faults")


def bare_calls(pid):
    """At malloc and free of a process."""
    return BareHook("calls", pid)


def counting_bpftrace():
    return Bpftrace("bpftrace-counts", COUNT_FORKS_AND_EXECS)


def plain_probes():
    """System-wide probes on malloc and free: what forkmon does not do."""
    return Bpftrace("bpftrace-allocations", COUNT_ALLOCATIONS)


def execsnoop():
    return Watcher("execsnoop", ["stdbuf", "-oL", "execsnoop"], "PCOMM")


# Those that may watch a whole system for ever.
WATCHERS = {
    "nothing": Nothing,
    "forkmon": Agent,
    "forkmon --probe=none": lambda: Agent("--probe=none"),
    "an empty program on page faults": bare_page_faults,
    "bpftrace, counts": counting_bpftrace,
    "execsnoop": execsnoop,
}
