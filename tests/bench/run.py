# SPDX-License-Identifier: MIT
"""Takes all measurements, one group after the other, and writes them to results.json."""

import argparse
import csv
import json
import sys
import time
import traceback

import armed
import growth
import kernel_side
import machine
import micro
import pairs
import sustained
import truths
from watchers import OUT


def groups():
    """Name, and what to run: it returns rows for the table of bars, and its own table."""
    return {"pairs": pairs.run, "armed": armed.run, "kernel": kernel_side.run,
            "sustained": sustained.run, "truths": truths.run, "growth": growth.run,
            "micro": micro.run}


def measure(names, quick):
    results = {"quick": quick, "command": "tests/bench/run.sh" + (" --quick" if quick else "")}
    results["machine"] = machine.facts()
    results["rows"], results["failed"] = [], []
    results["busy_before"] = machine.busy_with_other_things()
    began = time.monotonic()
    for name, run in groups().items():
        if names and name not in names:
            continue
        print(f"== {name} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
        try:
            rows, results[name] = run(quick)
            results["rows"] += rows
        except Exception:  # whatever it was, the others' minutes are not to be lost
            traceback.print_exc()
            results["failed"].append(name)
    results["busy_after"] = machine.busy_with_other_things()
    results["seconds"] = time.monotonic() - began
    return results


def write_csv(rows):
    with open(OUT / "bars.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "unit", "limit", "reached", "median", "low", "high", "values"])
        for row in rows:
            writer.writerow([row["what"], row["unit"], row["limit"], row["reached"], row["median"],
                             row["low"], row["high"], " ".join(map(str, row["values"]))])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs, to try it")
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(groups())}; default: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(groups()):
        parser.error(f"no such group: {', '.join(unknown)}")
    results = measure(arguments.groups, arguments.quick)
    (OUT / "results.json").write_text(json.dumps(results, indent=1))
    write_csv(results["rows"])
    for row in results["rows"]:
        word = {True: "reached", False: "missed ", None: "       "}[row["reached"]]
        print(f"{word}  {row['what']}: {row['median']:.4g} {row['unit']} (bar {row['limit']})")
    if results["failed"]:
        sys.exit(f"run.py: not measured: {', '.join(results['failed'])}")


main()
