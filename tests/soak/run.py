#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many harmless waits that look like deadlocks, under load: none may be proven, and no suspicion may
last. Root. In full: tests/soak/run.py (100,000 waits, about ten minutes on 2 CPUs). CI runs a small
form of it (tests/e2e/test_soak.py)."""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FORKMON_BUILD", ROOT / "build"))
LONGEST_WAIT_S = 5
# From the end of a wait to the report that the child goes on, on a machine that is busy.
LASTING_S = LONGEST_WAIT_S + 10


def start_agent(output):
    agent = subprocess.Popen([BUILD / "src/app/forkmon", "--probe=none", "--log-burst=0",
                              "--listen", "127.0.0.1:0", "--format", "json", "-o", output],
                             stderr=subprocess.PIPE, text=True)
    for line in agent.stderr:
        if "watching" in line:
            return agent
    sys.exit("forkmon did not start")


def seconds_of(finding):
    return datetime.fromisoformat(finding["time"][:26] + "+00:00").timestamp()


def of_workers(findings, exe):
    return [f for f in findings if f["kind"] in ("deadlock", "deadlock_over", "child")
            and f["parent"]["exe"] == exe]


def lasting(findings):
    """Suspicions above info that nobody took back in time, and whose child did not end."""
    opened, lasted = {}, []
    for finding in findings:
        pid = finding["child"]["pid"]
        if finding["kind"] == "deadlock":
            if finding["severity"] != "info":
                opened.setdefault(pid, finding)
        elif pid in opened:
            begun = opened.pop(pid)
            if seconds_of(finding) - seconds_of(begun) > LASTING_S:
                lasted.append(begun)
    return lasted + list(opened.values())


def judge(findings):
    """What is wrong, and how often each reason was given."""
    deadlocks = [f for f in findings if f["kind"] == "deadlock"]
    reasons = collections.Counter(f"{f['severity']}: {f['reason']}" for f in deadlocks)
    return [f for f in deadlocks if f["proof"]], lasting(findings), reasons


def soak(waits, workers):
    exe = str(BUILD / "tests/workloads/harmless_waits")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "findings.json"
        agent = start_agent(output)
        started = time.monotonic()
        done = subprocess.run([exe, str(waits), str(workers)], stdout=subprocess.PIPE, text=True,
                              check=True)
        seconds = time.monotonic() - started
        time.sleep(2)  # for what is said of the last ends
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
        findings = [json.loads(line) for line in output.read_text().splitlines()]
    return json.loads(done.stdout)["waits"], of_workers(findings, exe), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waits", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=400)
    options = parser.parse_args()
    counts, findings, seconds = soak(options.waits, options.workers)
    proofs, lasted, reasons = judge(findings)
    for name, count in counts.items():
        print(f"{count:8}  {name}")
    print(f"{sum(counts.values()):8}  waits in {seconds:.0f} s: {len(proofs)} proven, "
          f"{len(lasted)} lasting suspicions")
    for reason, count in reasons.most_common():
        print(f"{count:8}  {reason}")
    for finding in proofs + lasted:
        print(json.dumps(finding))
    return 1 if proofs or lasted else 0


if __name__ == "__main__":
    sys.exit(main())
