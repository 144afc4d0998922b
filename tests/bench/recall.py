#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How much of what probes see do page faults show? Prints a table for docs/page-faults.md.

    sudo FORKMON_BUILD=build tests/bench/recall.py

Each program runs under `--probe=all` (exact) and then under `--probe=none` (page faults only); its
n-th child of one run is compared with the n-th of the other.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from harness import TIMEOUT, Trace, workload  # noqa: E402

UNSAFE = ["malloc_1000", "malloc_then_exec", "printf_in_child", "exit_in_child", "setenv_in_child",
          "localtime_in_child", "getaddrinfo_in_child", "mutex_in_child", "pthread_create_in_child",
          "threads_in_child", "malloc_in_thread_fork", "grandchild", "exec_by_thread"]
CLEAN = ["fork_exec", "vfork", "posix_spawn", "tainted_and_idle", "clone_vm"]

BESIDE_A_THREAD = """
import logging, multiprocessing, os, subprocess, sys, threading, time
def sleep_beside():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def work(item):
    return str(item) * 100
"""
FROM_THE_MAIN_THREAD = BESIDE_A_THREAD + """
sleep_beside()
{code}
"""
FROM_ANOTHER_THREAD = BESIDE_A_THREAD + """
def body():
{indented}
thread = threading.Thread(target=body)
thread.start()
thread.join()
"""
PYTHON = {
    "os.fork": """
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        data = [str(number) * 100 for number in range(1000)]
        os._exit(0)
    os.waitpid(pid, 0)
""",
    "os.fork, logging": """
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        logging.warning("in the child")
        sys.exit(0)
    os.waitpid(pid, 0)
""",
    "time.localtime": """
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        time.localtime()
        os._exit(0)
    os.waitpid(pid, 0)
""",
    "multiprocessing.Pool": """
with multiprocessing.get_context("fork").Pool(4) as pool:
    pool.map(work, range(40), chunksize=1)
    pool.close()
    pool.join()
""",
    "preexec_fn": """
for _ in range(4):
    subprocess.run(["/bin/true"], preexec_fn=lambda: os.environ.update(WORK="x" * 10000))
""",
    "subprocess, no preexec_fn": """
for _ in range(4):
    subprocess.run(["/bin/true"])
""",
}


def programs():
    """(name, command) of all, the clean ones last."""
    for name in UNSAFE + CLEAN:
        yield name, [workload(name)]
    for name, code in PYTHON.items():
        indented = "".join(f"    {line}\n" for line in code.strip().splitlines())
        main = FROM_THE_MAIN_THREAD.format(code=code)
        thread = FROM_ANOTHER_THREAD.format(indented=indented)
        yield f"Python {name}", ["/usr/bin/python3", "-c", main]
        yield f"Python {name}, from a thread", ["/usr/bin/python3", "-c", thread]


def run_all(mode):
    """{program: [the functions of each child, in the order of their forks]}"""
    pids = {}
    with tempfile.TemporaryDirectory() as folder:
        with Trace(Path(folder), f"--probe={mode}", "--all", "--stack-bytes=0") as trace:
            for name, command in programs():
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
                process.wait(TIMEOUT)
                pids[name] = process.pid
            trace.end()
            findings = trace.findings()
    return {name: functions_of_children(findings, pid) for name, pid in pids.items()}


def descendants(findings, root):
    """A grandchild may be told of before its parent: looks until nobody is found."""
    family = {root}
    while more := {f["child"]["pid"] for f in findings if f["parent"]["pid"] in family} - family:
        family |= more
    return family - {root}


def functions_of_children(findings, root):
    findings = [finding for finding in findings if finding["kind"] in ("unsafe_call", "child")]
    children = {pid: set() for pid in sorted(descendants(findings, root))}
    for finding in findings:
        if (functions := children.get(finding["child"]["pid"])) is not None:
            functions.update(finding.get("calls", [finding.get("function")]))
    return list(children.values())


def row(name, exact, seen):
    pairs = {(i, f) for i, functions in enumerate(exact) for f in functions}
    shown = {(i, f) for i, functions in enumerate(seen) for f in functions}
    unsafe = {i for i, _ in pairs}
    return [name, len(exact), len(unsafe), len(unsafe & {i for i, _ in shown}),
            len({i for i, _ in shown} - unsafe), len(pairs), len(pairs & shown), len(shown - pairs)]


def main():
    exact, seen = run_all("all"), run_all("none")
    rows = [row(name, exact[name], seen[name]) for name, _ in programs()]
    total = ["**all**"] + [sum(column) for column in list(zip(*rows))[1:]]
    print("| program | children | unsafe | of these seen | clean, but reported "
          "| (child, function) pairs | of these seen | named otherwise |")
    print("| --- |" + " --: |" * 7)
    for line in rows + [total]:
        print("| " + " | ".join(str(cell) for cell in line) + " |")


if __name__ == "__main__":
    main()
