# SPDX-License-Identifier: MIT
"""What the BPF programs cost a tainted fork+exec, by the kernel's own statistics."""

import contextlib
import json
import re
import subprocess
import time
from pathlib import Path

from loads import Load
from stats import row, spread
from watchers import Agent, bare_page_faults

STATISTICS = Path("/proc/sys/kernel/bpf_stats_enabled")


@contextlib.contextmanager
def statistics():
    before = STATISTICS.read_text()
    STATISTICS.write_text("1")
    try:
        yield
    finally:
        STATISTICS.write_text(before)


def programs_of(pid):
    """{name: (ns, runs)} of the programs that the process holds."""
    ids = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            ids.update(map(int, re.findall(r"^prog_id:\s*(\d+)", info.read_text(), re.MULTILINE)))
    shown = subprocess.run(["bpftool", "prog", "show", "-j"], capture_output=True, check=True)
    return {program["name"]: (program.get("run_time_ns", 0), program.get("run_cnt", 0))
            for program in json.loads(shown.stdout) if program["id"] in ids}


def used_during(pid, busy):
    """{name: (ns, runs) a second} while busy() runs, and how long that was."""
    before, began = programs_of(pid), time.monotonic()
    busy()
    took = time.monotonic() - began
    used = {}
    for name, now in programs_of(pid).items():
        then = before.get(name, (0, 0))
        used[name] = tuple((n - t) / took for n, t in zip(now, then))
    return used, took


def during(pid, load, count, idle_s):
    """{name: (ns, runs)} for each operation of the load, less what the idle system causes."""
    idle, _ = used_during(pid, lambda: time.sleep(idle_s))
    busy, took = used_during(pid, lambda: load.run(count))
    return {name: tuple((b - i) * took / count for b, i in zip(busy[name], idle[name]))
            for name in busy}


def sample(watcher, quick):
    """What its programs take of a fork+exec, several times. A load of its own for each time: where
    its code lies decides on what the kernel side finds in its caches."""
    count, rounds = (100, 2) if quick else (500, 7)
    time.sleep(1)
    samples = []
    for _ in range(rounds):
        with Load("fork_exec", 5) as load:
            load.run(count / 2)
            samples.append(during(watcher.process.pid, load, count, 0.2 if quick else 1))
    return samples


def totals_us(samples):
    return [sum(ns for ns, _ in sample.values()) / 1000 for sample in samples]


def run(quick):
    with statistics():
        with Agent() as agent:
            samples = sample(agent, quick)
        with bare_page_faults() as hook:
            bare = spread(totals_us(sample(hook, quick)))["median"]
    table = [{"program": name, "ns": spread([sample[name][0] for sample in samples]),
              "runs": spread([sample[name][1] for sample in samples])} for name in samples[0]]
    return [row("all our BPF programs, for a tainted fork+exec", totals_us(samples), "µs", 3,
                "with kernel.bpf_stats_enabled=1, which costs some of it; an empty program on page "
                f"faults alone: {bare:.1f} µs")], table
