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
from watchers import Agent

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


def run(quick):
    count, rounds = (100, 2) if quick else (500, 7)
    samples = []
    with statistics(), Agent() as agent, Load("fork_exec", 5) as load:
        time.sleep(1)
        load.run(count / 5)
        for _ in range(rounds):
            samples.append(during(agent.pid, load, count, 0.2 if quick else 1))
    totals = [sum(ns for ns, _ in sample.values()) / 1000 for sample in samples]
    table = [{"program": name, "ns": spread([sample[name][0] for sample in samples]),
              "runs": spread([sample[name][1] for sample in samples])} for name in samples[0]]
    return [row("all our BPF programs, for a tainted fork+exec", totals, "µs", 3,
                "with kernel.bpf_stats_enabled=1, which costs some of it")], table
