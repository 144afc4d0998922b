# SPDX-License-Identifier: MIT
"""The loads: C programs that do what a line on their stdin says, and how long they took."""

import os
import subprocess
from pathlib import Path

PROGRAMS = Path(os.environ["BENCH_PROGRAMS"])


class Program:
    """A program that is told what to do on stdin, and ends with it."""

    def __init__(self, name, *arguments):
        command = [str(PROGRAMS / name), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.pid = self.process.pid

    def say(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[:4]} ended with {self.process.wait()}")
        return line.strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Load(Program):
    """Does one thing again and again. The same process is measured with and without a watcher."""

    def __init__(self, kind, threads=1):
        super().__init__("load", kind, threads)
        self.kind = kind
        self.hear()
        self.slice = 1
        self.done = 0  # operations so far
        self.cpu_ns = 0  # of the last slice, for an operation

    def start(self, count, per_second=0):
        count = max(1, int(count))
        self.done += count
        self.say(f"{count} {per_second}")

    def finish(self):
        """Nanoseconds in all, and on a CPU."""
        return tuple(map(int, self.hear().split()))

    def run(self, count, per_second=0):
        """Nanoseconds."""
        self.start(count, per_second)
        return self.finish()[0]

    def size(self, seconds):
        """Sets how many operations fill so much time."""
        self.run(10)
        trial = 50
        while (ns := self.run(trial)) < 20_000_000:
            trial *= 4
        self.slice = max(1, int(trial * seconds * 1e9 / ns))
        return self

    def measure(self, warm_up=0.15):
        """Nanoseconds an operation. The warm-up lets a watcher get used to the process."""
        self.run(self.slice * warm_up)
        self.start(self.slice)
        wall_ns, cpu_ns = self.finish()
        self.cpu_ns = cpu_ns / self.slice
        return wall_ns / self.slice


class Bystanders(Program):
    """Sleeping processes."""

    def __init__(self, count):
        super().__init__("bystanders", count)
        self.hear()


class Arming(Program):
    """Arms a process with probes at these functions of libc, for as long as it lives."""

    def __init__(self, pid, functions):
        super().__init__("arming", pid, *functions)
        self.sites, self.define_us, self.arm_us = map(int, self.hear().split())
