# SPDX-License-Identifier: MIT
"""Google Benchmark's numbers for decode, correlate and sinks."""

import json
import subprocess

from loads import PROGRAMS
from stats import spread

NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(quick):
    command = [PROGRAMS / "micro", "--benchmark_format=json",
               f"--benchmark_min_time={0.01 if quick else 0.1}",
               f"--benchmark_repetitions={1 if quick else 7}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    times = {}
    for result in json.loads(done.stdout)["benchmarks"]:
        if result["run_type"] == "iteration":
            cpu_ns = result["cpu_time"] * NANOSECONDS[result["time_unit"]]
            times.setdefault(result["run_name"], []).append(cpu_ns)
    return [], [{"name": name, "ns": spread(values)} for name, values in times.items()]
