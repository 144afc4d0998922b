# SPDX-License-Identifier: MIT
"""A session says at its start what is there, so that silence is not taken for health."""

import os
import re
import signal

import pytest

from harness import FORKMON, Running, wait_until
from stuck_harness import deadlocks_so_far

PYTHON = "/usr/bin/python3"
SERVER = """
import json, multiprocessing, os, signal, sys, threading, time

fork = multiprocessing.get_context("fork")
lock, shared, held = threading.Lock(), fork.Lock(), threading.Event()

def hold_for_ever():
    with lock, shared:
        held.set()
        time.sleep(600)

def child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(120)  # nothing is left behind where the test is killed
        work()
        os._exit(0)
    return pid

threading.Thread(target=hold_for_ever, daemon=True).start()
held.wait()
ends = os.pipe()
works = {"stuck": lock.acquire, "shared": shared.acquire, "idle": lambda: os.read(ends[0], 1),
         "asleep": lambda: time.sleep(600)}
children = {name: child(works[name]) for name in sys.argv[1:]}
print(json.dumps({"pid": os.getpid(), **children}), flush=True)
sys.stdin.read(1)
for pid in children.values():
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


ALL = ("stuck", "shared", "idle", "asleep")


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    return tmp_path / "server.py"


class TableTrace(Running):
    """`forkmon --trace` with its table, findings beside it as far as `wait_for` needs them."""

    def __init__(self, tmp_path, *options):
        self.table = tmp_path / "table"
        super().__init__([FORKMON, "--trace", "-o", self.table, *options],
                         errors_to=tmp_path / "stderr")
        wait_until(lambda: "forkmon: watching" in self.stderr() or self.process.poll() is not None,
                   "forkmon watches")

    def rows(self):
        return self.table.read_text(errors="surrogateescape") if self.table.exists() else ""


def now(text, pid):
    """What the inventory says that a child does."""
    [activity] = re.findall(rf"^ +{pid}  python3 +[\d.]+ \S+  (.*)$", text, re.MULTILINE)
    return activity


def assert_narrow(text):
    assert all(len(line) <= 80 for line in text.splitlines()), text


def test_attaching_lists_threads_and_forked_children(tmp_path, server):
    with Running([PYTHON, server, *ALL]) as running:
        truth = running.first_line()
        with TableTrace(tmp_path, "--probe=none", "-p", truth["pid"]) as trace:
            text = trace.stderr()
            assert f"forkmon: python3 [{truth['pid']}] has 2 threads and 4 forked children" in text
            assert now(text, truth["stuck"]) == "waits for a lock"
            assert now(text, truth["shared"]) == "waits for a shared lock"
            assert now(text, truth["idle"]) == "idle: reads a pipe"
            assert now(text, truth["asleep"]) == "sleeps"
            assert_narrow(text)
            wait_until(lambda: f" {truth['stuck']} python3 " in trace.rows(), "the hang is found")
            assert trace.end() == 0
            summary = trace.stderr()
    assert "already forked    4" in summary and "1 critical" in summary
    assert f"Next: kill {truth['stuck']}. Nothing else ends the wait." in summary
    assert "is stuck" in trace.rows() and "was stuck" not in trace.rows()
    assert f"now            Kill {truth['stuck']}: " in trace.rows()


def test_lock_between_processes_is_suspected_of_children_that_were_there(tmp_path, server):
    with Running([PYTHON, server, "shared"]) as running:
        truth = running.first_line()
        output = tmp_path / "findings.json"
        with Running([FORKMON, "--trace", "--probe=none", "--format", "json", "-o", output, "-p",
                      truth["pid"]], errors_to=tmp_path / "stderr") as trace:
            found = wait_until(lambda: {f["child"]["pid"]: f for f in deadlocks_so_far(output)
                                        if f["child"]["pid"] == truth["shared"]}, "it is suspected")
            assert found[truth["shared"]]["remedy"] == "release_lock"
            assert trace.end() == 0


def test_wrapper_is_told_which_process_is_meant(tmp_path, server):
    with Running(["/bin/sh", "-c", f"{PYTHON} '{server}' stuck; true"]) as shell:
        truth = shell.first_line()
        with TableTrace(tmp_path, "-p", shell.pid) as trace:
            text = trace.stderr()
            assert f"forkmon: sh [{shell.pid}] has 1 thread and no forked children" in text
            assert (f"  python3 [{truth['pid']}], started by exec, has 2 threads: "
                    f"use -p {truth['pid']}\n") in text
            assert_narrow(text)
            assert trace.end() == 0
        shell.process.communicate(b"x", timeout=30)


def test_worker_is_told_who_forked_it(tmp_path, server):
    with Running([PYTHON, server, *ALL]) as running:
        truth = running.first_line()
        with TableTrace(tmp_path, "--probe=none", "-p", truth["stuck"]) as trace:
            assert re.search(rf"^  forked .* ago by python3 \[{truth['pid']}\]; now: waits for a "
                             "lock$", trace.stderr(), re.MULTILINE)
            wait_until(lambda: "deadlocked (proven)" in trace.rows(), "the hang is found")
            os.kill(truth["stuck"], signal.SIGKILL)
            assert trace.process.wait(30) == 0
            summary = trace.stderr()
    assert f", until process {truth['stuck']} ended\n" in summary
    assert "No child is stuck any more" in summary


def test_system_wide_session_lists_the_worst_parents(tmp_path, server):
    with Running([PYTHON, server, *ALL]) as running:
        truth = running.first_line()
        with TableTrace(tmp_path, "--probe=none") as trace:
            text = trace.stderr()
            assert re.search(r"^forkmon: \d+ processes with more than one thread; they have \d+ "
                             "forked", text, re.MULTILINE)
            assert re.search(rf"^ +{truth['pid']}  python3 +2 +4 +2$", text, re.MULTILINE)
            assert_narrow(text)
            assert trace.end() == 0
