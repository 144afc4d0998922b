# SPDX-License-Identifier: MIT
"""How costs grow: with threads, bystanders, forks a second, and sites."""

import subprocess
import time

import pairs
import sustained
from loads import Arming, Bystanders, Load
from stats import ratios, row, spread
from watchers import LIBC, Agent

THREADS = (1, 10, 50, 100, 200, 500)
BYSTANDERS = (10, 100, 500, 2000)
RATES = (10, 100, 1000, 3000)
SITES = (1, 10, 30, 100, 300)
CARRIERS = (1, 10, 100, 500)
MAPPERS = (1, 100, 1000)
CATALOGUE_SITES = 144

# Functions that a forking load calls, or what those call.
CALLED_BY_LOADS = ("fork", "vfork", "_Fork", "wait", "exec", "_exit", "read", "write", "clock_",
                   "pthread_", "malloc", "free", "calloc", "realloc", "printf", "fgets", "getline",
                   "fflush", "sscanf", "vfscanf", "__", "_IO", "madvise", "mmap", "munmap", "mem",
                   "str")


def functions_of_libc(count):
    listed = subprocess.run(["nm", "-D", "--defined-only", LIBC], capture_output=True, text=True,
                            check=True).stdout
    names = {words[2].split("@")[0] for words in map(str.split, listed.splitlines())
             if words[1] == "T"}
    chosen = sorted(name for name in names if not name.startswith(CALLED_BY_LOADS))
    return chosen[::len(chosen) // count][:count]


def threads(rounds, seconds):
    names = functions_of_libc(CATALOGUE_SITES)
    loads = [Load("fork_exit", count).size(seconds) for count in THREADS]
    without, with_agent, arming = ({load.pid: [] for load in loads} for _ in range(3))
    for _ in range(rounds):
        for load in loads:
            without[load.pid].append(load.measure() / 1000)
        with Agent():
            for load in loads:
                with_agent[load.pid].append(load.measure(pairs.WARM_UPS[load.kind]) / 1000)
        for load in loads:
            with Arming(load.pid, names) as armed:
                arming[load.pid].append(armed.arm_us / 1000)
    for load in loads:
        load.close()
    return [{"x": count, "without": spread(without[load.pid]), "with": spread(with_agent[load.pid]),
             "ratio": spread(ratios(with_agent[load.pid], without[load.pid])),
             "arm_ms": spread(arming[load.pid])} for count, load in zip(THREADS, loads)]


def bystanders(rounds, seconds):
    table = []
    for count in BYSTANDERS:
        starts, rests, sizes, without, with_agent = [], [], [], [], []
        with Bystanders(count), Load("fork_exec", 5).size(seconds) as load:
            for _ in range(rounds):
                without.append(load.measure())
                with Agent() as agent:
                    time.sleep(sustained.settle_s(seconds))
                    starts.append(agent.start_s)
                    with_agent.append(load.measure())
                    rests.append(sustained.cpu_share(agent, lambda: time.sleep(4 * seconds)))
                    sizes.append(agent.rss_mib())
        table.append({"x": count, "start_s": spread(starts), "rest_cpu": spread(rests),
                      "rss": spread(sizes), "ratio": spread(ratios(with_agent, without))})
    return table


def rates(seconds):
    table = []
    for rate in RATES:
        used = sustained.paced("fork_exit", rate, seconds)
        table.append({"x": used["rate"], **used})
    with Agent() as agent:
        time.sleep(sustained.settle_s(seconds))
        reached = []
        share = sustained.cpu_share(agent, lambda: reached.append(sustained.fork_rate(seconds)[0]))
        table.append({"x": round(reached[0]), "cpu": share, "rss": agent.rss_mib(),
                      "lost": agent.metric("events_lost_total")})
    return sorted(table, key=lambda line: line["x"])


def sites(rounds, seconds):
    table = []
    with (Load("fork_exit", 5).size(seconds) as exits, Load("fork_exec", 5).size(seconds) as execs):
        for count in (0, *SITES):
            names = functions_of_libc(count) if count else []
            defining, arming, exit_us, exec_us, got = [], [], [], [], 0
            for _ in range(rounds):
                for load, times in ((exits, exit_us), (execs, exec_us)):
                    if not count:
                        times.append(load.measure() / 1000)
                        continue
                    with Arming(load.pid, names) as armed:
                        got = armed.sites
                        defining.append(armed.define_us / 1000)
                        arming.append(armed.arm_us / 1000)
                        times.append(load.measure() / 1000)
            table.append({"x": got, "define_ms": spread(defining or [0]),
                          "arm_ms": spread(arming or [0]), "exit_us": spread(exit_us),
                          "exec_us": spread(exec_us)})
    return table


def strangers(rounds, seconds):
    """fork+exec of a process that nobody armed, beside one with so many threads that is."""
    names = functions_of_libc(CATALOGUE_SITES)
    carriers = [Load("fork_exit", count) for count in CARRIERS]
    with Load("fork_exec", 5).size(seconds) as load:
        without, beside = [], {carrier.pid: [] for carrier in carriers}
        for _ in range(rounds):
            without.append(load.measure() / 1000)
            for carrier in carriers:
                with Arming(carrier.pid, names):
                    beside[carrier.pid].append(load.measure() / 1000)
    for carrier in carriers:
        carrier.close()
    return [{"x": 0, "exec_us": spread(without), "ratio": spread(ratios(without, without))},
            *({"x": count, "exec_us": spread(beside[carrier.pid]),
               "ratio": spread(ratios(beside[carrier.pid], without))}
              for count, carrier in zip(CARRIERS, carriers))]


def armed_execs(rounds):
    """fork+exec of an armed process, beside so many that map libc."""
    names = functions_of_libc(CATALOGUE_SITES)
    table = []
    for count in MAPPERS:
        without, armed = [], []
        with Bystanders(count), Load("fork_exec", 5) as load:
            for _ in range(rounds):
                without.append(load.run(100) / 100_000)
                with Arming(load.pid, names):
                    armed.append(load.run(50) / 50_000)
        table.append({"x": count, "without": spread(without), "armed": spread(armed),
                      "ratio": spread(ratios(armed, without))})
    return table


def run(quick):
    rounds, seconds = (1, 0.05) if quick else (5, 0.2)
    tables = {
        "threads": threads(rounds, seconds),
        "bystanders": bystanders(1 if quick else 3, 5 * seconds),
        "rates": rates(1 if quick else 5),
        "sites": sites(rounds, seconds),
        "strangers": strangers(rounds, seconds),
        "armed_execs": armed_execs(rounds),
    }
    arming = tables["threads"][-1]["arm_ms"]["values"]
    return [row(f"arming a process with {THREADS[-1]} threads", arming, "ms", 50,
                f"{CATALOGUE_SITES} sites")], tables
