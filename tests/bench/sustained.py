# SPDX-License-Identifier: MIT
"""Tainted forks for seconds on end, and what the agent and its peers use meanwhile."""

import time

from loads import Load
from stats import row, spread
from watchers import WATCHERS, Agent

NO_PEER = ("nothing", "forkmon --probe=none", "an empty program on page faults")


def settle_s(seconds):
    """The first look at the system is not what a watcher costs for days."""
    return min(2, seconds)


def fork_rate(seconds):
    """Two processes that fork as fast as they can: forks a second, and forks made in all."""
    with Load("fork_exit", 5).size(0.2) as one, Load("fork_exit", 5).size(0.2) as two:
        per_second = min(one.slice, two.slice) / 0.2 / 1.5  # two share what one had
        count = int(per_second * seconds)
        began = time.monotonic()
        for load in (one, two):
            load.start(count)
        for load in (one, two):
            load.finish()
        return 2 * count / (time.monotonic() - began), one.done + two.done


def cpu_share(watcher, busy):
    """Per cent of a core that the watcher uses while busy() runs."""
    before, began = watcher.cpu_ns(), time.monotonic()
    busy()
    return 100 * (watcher.cpu_ns() - before) / 1e9 / (time.monotonic() - began)


def at_limit(seconds):
    """Forks a second; of all of them, how many the agent did not count; and events lost."""
    with Agent() as agent:
        rate, made = fork_rate(seconds)
        counted = agent.settled_metric("tainted_forks_total", 'load"')
        return rate, abs(made - counted), agent.metric("events_lost_total")


def paced(kind, per_second, seconds, make=Agent):
    """At so many forks a second: those reached, the watcher's CPU share, RSS and losses."""
    with Load(kind, 5) as load, make() as watcher:
        load.run(settle_s(seconds) * per_second, per_second)
        took_ns = []
        count = per_second * seconds
        share = cpu_share(watcher, lambda: took_ns.append(load.run(count, per_second)))
        lost = watcher.metric("events_lost_total") if isinstance(watcher, Agent) else None
        return {"rate": round(count / took_ns[0] * 1e9), "cpu": share, "rss": watcher.rss_mib(),
                "lost": lost, "start_s": watcher.start_s}


def at_rest(seconds):
    with Agent() as agent:
        time.sleep(settle_s(seconds))
        share = cpu_share(agent, lambda: time.sleep(seconds))
        return share, agent.rss_mib(), agent.rss_parts()


def peers_table(seconds):
    table = []
    for name, make in WATCHERS.items():
        if name not in NO_PEER:
            used = paced("fork_exec", 500, seconds, make)
            table.append({"watcher": name, **{key: used[key] for key in ("cpu", "rss", "start_s")}})
    return table


def run(quick):
    seconds = 1 if quick else 5
    runs = [at_limit(seconds) for _ in range(1 if quick else 3)]
    note = f"{runs[-1][0]:,.0f} tainted forks a second, by two processes"
    rows = [
        row("tainted forks not counted, at the machine's limit", [run[1] for run in runs], "forks",
            0, note, judged="high"),
        row("events lost, at the machine's limit", [run[2] for run in runs], "events", 0, note,
            judged="high"),
    ]
    for kind, what in (("fork_exit", "that exit"), ("malloc_exit", "that allocate, and exit")):
        shares = [paced(kind, 1000, seconds)["cpu"] for _ in range(1 if quick else 2)]
        rows.append(row(f"agent, at 1,000 tainted children a second {what}", shares,
                        "% of a core", 10))
    share, rss, parts = at_rest(2 if quick else 20)
    rows.append(row("agent at rest", [share], "% of a core", 0.2,
                    f"over {2 if quick else 20} s; the system's own forks and execs included"))
    rows.append(row("agent at rest, memory", [rss], "MiB RSS", 25, parts))
    return rows, peers_table(seconds)
