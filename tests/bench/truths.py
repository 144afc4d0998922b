# SPDX-License-Identifier: MIT
"""How soon a deadlock is proven, and whether exact mode finds all that the workloads do."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

from loads import Program
from stats import row
from watchers import FORKMON, OUT, Agent

WORKLOADS = Path(os.environ["BENCH_WORKLOADS"])
NEVER = 1e9  # seconds, for a deadlock that was not proven
UNSAFE = [("malloc_1000",), ("many_forks", "200"), ("malloc_then_exec",), ("setenv_in_child",),
          ("localtime_in_child",), ("printf_in_child",), ("mutex_in_child",), ("grandchild",)]
RIGHT = [("single_threaded_fork",), ("posix_spawn",), ("vfork",), ("fork_exec",), ("clone_vm",)]


def lines_of(path):
    text = path.read_text(errors="replace") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def proofs(count):
    """Seconds from a child's way into the futex to its proof on the agent's output."""
    entered, proven = {}, {}
    with Agent() as agent, Program("deadlock") as maker:
        started = 0
        due = deadline = time.monotonic()
        while len(proven) < count and time.monotonic() < deadline + 5:
            if started < count and time.monotonic() >= due:
                maker.say("")
                pid, entered_ns = maker.hear().split()
                entered[int(pid)] = int(entered_ns)
                started += 1
                deadline = time.monotonic()
                due = deadline + random.uniform(0.1, 0.35)  # at any moment of the agent's period
            for finding in lines_of(agent.findings):
                pid = finding.get("child", {}).get("pid")
                if finding["kind"] == "deadlock" and finding["proof"] and pid in entered:
                    proven.setdefault(pid, time.monotonic_ns())
            time.sleep(0.01)
    return [(proven[pid] - entered[pid]) / 1e9 if pid in proven else NEVER for pid in entered]


def trace(workload):
    """What the workload did and what was found: {(pid, function): count} each."""
    output = OUT / "exact.json"
    done = subprocess.run([FORKMON, "--trace", "--format", "json", "-o", output, "--",
                           WORKLOADS / workload[0], *workload[1:]], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60, check=True)
    truths = [json.loads(line) for line in done.stdout.splitlines()]
    done_calls = {(truth["child"], function): count for truth in truths
                  for function, count in truth.get("calls", truth.get("at_least", {})).items()}
    findings = lines_of(output)
    found = {(finding["child"]["pid"], function): count for finding in findings
             if finding["kind"] == "child" for function, count in finding["calls"].items()}
    return done_calls, found, findings


def exactness():
    """Pairs (child, function) in all, those missed, and findings on programs that are right."""
    pairs = wrong = false = 0
    for workload in UNSAFE:
        made, found, _ = trace(workload)
        pairs += len(made)
        wrong += sum(found.get(pair, 0) < count for pair, count in made.items())
    for workload in RIGHT:
        false += len(trace(workload)[2])
    return pairs, wrong, false


def run(quick):
    times = proofs(5 if quick else 20)
    pairs, wrong, false = exactness()
    rows = [
        row("proof of a deadlock, after the futex is entered", times, "s", 1.5,
            f"{len(times)} children; the slowest of them is judged", judged="high"),
        row("exact mode: (child, function) pairs missed", [wrong], "pairs", 0,
            f"of {pairs}, in {len(UNSAFE)} workloads"),
        row("exact mode: findings on programs that are right", [false], "findings", 0,
            f"in {len(RIGHT)} workloads"),
    ]
    return rows, None
