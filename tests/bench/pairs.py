# SPDX-License-Identifier: MIT
"""The same loads with and without each watcher, in turns."""

import time

from loads import Load
from stats import ratios, row, spread
from watchers import WATCHERS

# kind of load: (threads, what it is, bar for forkmon's ratio)
LOADS = {
    "alloc": (1, "a process that only allocates (malloc and free)", 1.01),
    "touch": (1, "touching fresh pages", 1.02),
    "fork_exit": (5, "fork and exit, of a process with 5 threads", 1.05),
    "fork_exec": (5, "fork and exec, of a process with 5 threads", 1.03),
}

BARE = "an empty program on page faults"

# In slices: the agent arms a suspect within 0.1 s, and within 0.3 s more takes all probes off one
# that forks so often. That happens once, and is over when it is timed.
WARM_UPS = {"fork_exit": 3, "fork_exec": 1}


def measure_rounds(rounds, seconds):
    """{watcher: {load: [ns an operation, by round]}}, the same on a CPU, and forkmon's starts."""
    loads = [Load(kind, threads).size(seconds) for kind, (threads, _, _) in LOADS.items()]
    times, cpu = ({name: {load.kind: [] for load in loads} for name in WATCHERS} for _ in "ab")
    starts = []
    for number in range(rounds):
        # Another one goes first in each round, so that no drift of the machine favours anybody.
        names = list(WATCHERS)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            with WATCHERS[name]() as watcher:
                time.sleep(0.3)
                if name == "forkmon":
                    starts.append(watcher.start_s)
                for load in loads:
                    times[name][load.kind].append(load.measure(WARM_UPS.get(load.kind, 0.15)))
                    cpu[name][load.kind].append(load.cpu_ns)
    for load in loads:
        load.close()
    return times, cpu, starts


def rows_of(times, cpu, starts):
    """The bars that these rounds answer for."""
    rows = []
    for kind, (_, what, limit) in LOADS.items():
        values = ratios(times["forkmon"][kind], times["nothing"][kind])
        on_cpu = spread(ratios(cpu["forkmon"][kind], cpu["nothing"][kind]))["median"]
        bare = spread(ratios(times[BARE][kind], times["nothing"][kind]))["median"]
        rows.append(row(what, values, "with / without", limit,
                        f"agent as daemon; by CPU time {on_cpu:.3f}; {BARE}: {bare:.3f}"))
    rows.append(row("start to armed and ready", starts, "s", 0.5))
    return rows


def run(quick):
    rounds, seconds = (2, 0.1) if quick else (15, 0.3)
    times, cpu, starts = measure_rounds(rounds, seconds)
    table = []
    for kind, (_, what, _) in LOADS.items():
        for name in WATCHERS:
            table.append({"load": kind, "what": what, "watcher": name,
                          "ns": spread(times[name][kind]),
                          "ratio": spread(ratios(times[name][kind], times["nothing"][kind])),
                          "cpu_ratio": spread(ratios(cpu[name][kind], cpu["nothing"][kind]))})
    return rows_of(times, cpu, starts), table
