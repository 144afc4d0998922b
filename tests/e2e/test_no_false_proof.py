# SPDX-License-Identifier: MIT
"""Children that wait for what can come are never called deadlocked."""

from harness import Agent, run, trace_command, wait_until, workload


RANKS = ["nothing", "info", "warning", "high", "critical"]


def check_harmless(truths, deadlocks):
    """No child is proven, and none is suspected of more than it may be."""
    worst = {truth["waits"]: "nothing" for truth in truths}
    for finding in deadlocks:
        pid = finding["child"]["pid"]
        if pid in worst:
            worst[pid] = max(worst[pid], finding["severity"], key=RANKS.index)
            assert not finding["proof"], finding
    for truth in truths:
        assert RANKS.index(worst[truth["waits"]]) <= RANKS.index(truth["may"]), (truth, deadlocks)


def test_waits_that_can_end(tmp_path):
    """All of them at once, and for longer than forkmon has patience with any of them."""
    session = trace_command(tmp_path, workload("waits"), timeout=120)
    assert session.returncode == 0, session.stderr
    assert len(session.truths()) > 25
    check_harmless(session.truths(), session.of_kind("deadlock"))


PYTHON_EVENT = """
import os, signal, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
pid = os.fork()
if pid == 0:
    event = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: event.set())
    event.wait()
    os._exit(7)
print('{"waits": %d, "may": "info"}' % pid, flush=True)
time.sleep(7)
os.kill(pid, signal.SIGTERM)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""


def test_python_event_that_a_handler_sets(tmp_path):
    session = trace_command(tmp_path, "/usr/bin/python3", "-c", PYTHON_EVENT)
    assert session.returncode == 0, session.stderr
    check_harmless(session.truths(), session.of_kind("deadlock"))


def test_thousand_harmless_children_under_load(tmp_path):
    """None is proven deadlocked; suspicions are allowed on a machine this busy."""
    session = trace_command(tmp_path, workload("harmless_many"), 1000, options=("--all",),
                            timeout=300)
    assert session.returncode == 0, session.stderr
    assert session.truths() == [{"harmless": 1000}]
    assert len(session.of_kind("child")) >= 1000
    assert [f for f in session.of_kind("deadlock") if f["proof"]] == []


def test_agent_beside_harmless_children(tmp_path):
    exe = workload("harmless_many")
    with Agent(tmp_path) as agent:
        assert run(exe, 100).returncode == 0
        wait_until(lambda: agent.metric("children_total", exe=exe) >= 100, "all have ended", 15)
        assert agent.metric("deadlocks_total", exe=exe) == 0
        assert agent.metric("deadlocked_children", exe=exe) == 0
