# SPDX-License-Identifier: MIT
"""The advice about a hang is right: the tests do what it says, and see the hang end."""

import json
import os
import signal
import time

import pytest

from harness import FORKMON, Running, findings_in, is_zombie, wait_until
from stuck_harness import deadlocks_so_far

PYTHON = "/usr/bin/python3"

# Each case hangs in a child that wants a lock, and says what became of it when that is over.
CASES = """
import concurrent.futures, json, multiprocessing, os, signal, subprocess, sys, threading, time

log = open(sys.argv[1] + "/" + sys.argv[2], "a", buffering=1)
fork = multiprocessing.get_context("fork")
lock = threading.Lock()

def say(**truth):
    print(json.dumps(truth), file=log)

def work():
    signal.alarm(120)  # nothing is left behind where the test is killed
    with lock:
        pass

def pool():
    with fork.Pool(1) as workers:
        say(parent=os.getpid())
        workers.apply(work)
        say(ended="never")

def executor():
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as workers:
        future = workers.submit(work)
        say(parent=os.getpid())
        say(ended=type(future.exception()).__name__)

def process():
    child = fork.Process(target=work)
    child.start()
    say(parent=os.getpid())
    child.join()
    say(ended=child.exitcode)

def queue():
    results = fork.Queue()
    child = fork.Process(target=lambda: (work(), results.put(1)))
    child.start()
    say(parent=os.getpid())
    results.get()
    say(ended="never")

def preexec_fn():
    say(parent=os.getpid())
    done = subprocess.run(["/bin/true"], preexec_fn=work)
    say(ended=done.returncode)

def os_fork():
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    say(parent=os.getpid())
    say(ended=os.waitpid(child, 0)[1])

def shared():
    shared_lock = fork.Lock()
    taken = fork.Event()
    def hold():
        signal.alarm(120)
        with shared_lock:
            taken.set()
            signal.sigwait([signal.SIGUSR1])
    def want():
        signal.alarm(120)
        with shared_lock:
            pass
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    holder = fork.Process(target=hold)
    holder.start()
    taken.wait()
    child = fork.Process(target=want)
    child.start()
    say(parent=os.getpid(), holder=holder.pid, child=child.pid)
    child.join()
    say(ended=child.exitcode)
    holder.join()

held = threading.Event()
def hold_for_ever():
    with lock:
        held.set()
        time.sleep(600)
threading.Thread(target=hold_for_ever, daemon=True, name="holder").start()
held.wait()
globals()[sys.argv[2]]()
"""

DRIVER = """
import subprocess, sys
script, logs, *cases = sys.argv[1:]
for program in [subprocess.Popen([sys.executable, script, logs, case]) for case in cases]:
    program.wait()
"""


class Hangs:
    """All cases under one forkmon, each hanging in a child of its own."""

    names = ["pool", "executor", "process", "queue", "preexec_fn", "os_fork", "shared"]

    def __init__(self, directory):
        self.directory = directory
        self.output = directory / "findings.json"
        (directory / "cases.py").write_text(CASES)
        (directory / "driver.py").write_text(DRIVER)
        self.running = Running([FORKMON, "--trace", "--probe=none", "--format", "json", "-o",
                                self.output, "--", PYTHON, directory / "driver.py",
                                directory / "cases.py", directory, *self.names],
                               errors_to=directory / "stderr")

    def truth(self, case):
        """What the case has said so far."""
        log = self.directory / case
        lines = log.read_text().splitlines() if log.exists() else []
        return {key: value for line in lines for key, value in json.loads(line).items()}

    def parent(self, case):
        return wait_until(lambda: self.truth(case).get("parent"), f"{case} hangs")

    def deadlocks(self, case):
        parent = self.parent(case)
        return [f for f in deadlocks_so_far(self.output) if f["parent"]["pid"] == parent]

    def deadlock(self, case):
        """The finding about the child of a case."""
        return wait_until(lambda: self.deadlocks(case), f"the hang of {case} is found")[0]

    def ended(self, case):
        return wait_until(lambda: "ended" in self.truth(case) and [self.truth(case)["ended"]],
                          f"the hang of {case} is over")[0]


@pytest.fixture(scope="module")
def hangs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("advice")
    hangs = Hangs(directory)
    with hangs.running:
        yield hangs
        for case in hangs.names:  # where a test has failed
            for finding in hangs.deadlocks(case):
                kill(finding["child"]["pid"])
            kill(hangs.parent(case))


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def is_alive(pid):
    """A zombie, whose parent waits for others first, is not."""
    try:
        return not is_zombie(pid)
    except FileNotFoundError:
        return False


def advised(hangs, case, remedy, *parts):
    """The finding, after its advice has been compared."""
    finding = hangs.deadlock(case)
    assert finding["remedy"] == remedy
    for part in parts:
        assert part in finding["advice"]
    return finding


@pytest.mark.parametrize("case,parts,outcome", [
    ("executor", ["raise BrokenProcessPool", "mp_context"], "BrokenProcessPool"),
    ("process", ["join()", "exitcode -9", "forkserver"], -9),
    ("preexec_fn", ["Popen", "returncode -9", "start_new_session"], -9),
    ("os_fork", ["os.waitpid()", "before the first thread"], signal.SIGKILL),
])
def test_killing_the_child_ends_the_hang(hangs, case, parts, outcome):
    finding = advised(hangs, case, "kill_child", *parts)
    assert finding["proof"] is True and finding["severity"] == "critical"
    child = finding["child"]["pid"]
    assert finding["advice"].startswith(f"Kill {child}: ")
    kill(child)
    assert hangs.ended(case) == outcome


def test_worker_of_a_pool_is_replaced_and_the_parent_has_to_be_restarted(hangs):
    finding = advised(hangs, "pool", "restart_parent", "multiprocessing.Pool", "forkserver")
    parent, child = hangs.parent("pool"), finding["child"]["pid"]
    assert finding["advice"].startswith(f"Restart {parent}, the parent, and kill {child}")
    kill(child)
    wait_until(lambda: not is_alive(child), "the worker has ended")
    time.sleep(2)  # long enough for a new worker to do the task, if it ever got it
    assert is_alive(parent) and "ended" not in hangs.truth("pool")
    kill(parent, signal.SIGTERM)
    wait_until(lambda: not is_alive(parent), "the parent has ended")


def test_parent_that_waits_for_a_queue_has_to_be_restarted(hangs):
    finding = advised(hangs, "queue", "kill_child", "on a queue instead, restart")
    kill(finding["child"]["pid"])
    wait_until(lambda: not is_alive(finding["child"]["pid"]), "the child has ended")
    time.sleep(1)
    assert "ended" not in hangs.truth("queue")
    parent = hangs.parent("queue")
    kill(parent, signal.SIGTERM)
    wait_until(lambda: not is_alive(parent), "the parent has ended")


def test_shared_lock_has_to_be_released_by_its_holder(hangs):
    parent = hangs.parent("shared")
    finding = advised(hangs, "shared", "release_lock", "shared between processes")
    truth = hangs.truth("shared")
    assert finding["parent"]["pid"] == parent and finding["child"]["pid"] == truth["child"]
    assert finding["proof"] is False
    assert f"Killing {truth['child']} does not release it" in finding["advice"]
    assert "posix_spawn" not in finding["advice"]
    kill(truth["holder"], signal.SIGUSR1)
    assert hangs.ended("shared") == 0


def test_summary_names_nobody_who_has_ended(hangs):
    """The last of the tests: all hangs are over."""
    process = hangs.running.process
    assert process.wait(30) == 0, hangs.running.stderr()
    summary = hangs.running.stderr()
    assert "No child is stuck any more. Next: apply the advice" in summary
    findings = findings_in(hangs.output)
    assert len([f for f in findings if f["kind"] == "deadlock"]) == len(hangs.names)
