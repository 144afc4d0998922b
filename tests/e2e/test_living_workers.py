# SPDX-License-Identifier: MIT
"""Workers that were forked before anybody armed their parent, and serve for days."""

import signal

from harness import Agent, Running, Trace, by_child, check_child, wait_until, workload

PYTHON_POOL = """
import multiprocessing, os, socket, sys, threading, time
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
time.sleep(0.1)
fork = multiprocessing.get_context("fork")
go, done = fork.Event(), fork.Semaphore(0)

def work():
    go.wait()
    for i in range(5):
        os.environ["WORKER"] = str(i)
        time.localtime()
        socket.getaddrinfo("127.0.0.1", 80)
    done.release()
    time.sleep(3600)

workers = [fork.Process(target=work, daemon=True) for _ in range(2)]
for worker in workers:
    worker.start()
print('{"pid": %d, "workers": [%d, %d]}' % (os.getpid(), *(w.pid for w in workers)), flush=True)
sys.stdin.buffer.raw.read(1)
go.set()
for _ in workers:
    done.acquire()
print('{"worked": 2}', flush=True)
sys.stdin.buffer.raw.read(1)
for worker in workers:
    worker.terminate()
for worker in workers:
    worker.join()
"""

WORK = ("setenv", "localtime", "getaddrinfo")


def check_worker(child):
    """All that it called since it was armed, and from when on that is."""
    for function in WORK:
        named = [name for name in child.calls() if name.startswith(function)]
        assert named and max(child.calls()[name] for name in named) >= 5, child.calls()
    assert not child.end["exact"]
    assert child.end["inexact_reason"] in ("it got its probes while it lived",
                                           "it was forked before forkmon watched")
    assert 0 < child.end["counted_from_us"] < child.end["lifetime_us"]


def test_workers_are_armed_with_their_parent(tmp_path):
    with Agent(tmp_path, "--probe-budget=100") as agent, \
            Running([workload("pool_forked_early")]) as pool:
        first = pool.first_line()
        wait_until(lambda: agent.metric("workers_armed_total") == 2, "both are armed")
        pool.next_truth()
        wait_until(lambda: {f["function"] for f in agent.findings()
                            if f["kind"] == "unsafe_call" and f["child"]["pid"] in first["workers"]
                            } >= set(WORK), "their calls are seen while they live")
        truths = pool.go_on()
        wait_until(lambda: agent.metric("children_total", exe="pool_forked_early") == 4, "all ended")
        assert agent.end(signal.SIGTERM) == 0
        found = by_child(agent.findings())
        for worker in first["workers"]:
            check_worker(found[worker])
        for truth in truths:
            check_child(truth, found[truth["child"]])


def test_workers_of_a_pool_in_python(tmp_path):
    with Agent(tmp_path, "--probe-budget=100") as agent, \
            Running(["/usr/bin/python3", "-c", PYTHON_POOL]) as pool:
        first = pool.first_line()
        wait_until(lambda: agent.metric("workers_armed_total") == 2, "both are armed")
        pool.next_truth()
        pool.go_on()
        wait_until(lambda: agent.metric("children_total", exe="python3") >= 2, "both have ended")
        assert agent.end(signal.SIGTERM) == 0
        found = by_child(agent.findings())
        for worker in first["workers"]:
            check_worker(found[worker])


def test_workers_that_were_there_before_a_trace(tmp_path):
    with Running([workload("pool_forked_early")]) as pool:
        first = pool.first_line()
        with Trace(tmp_path, "-p", first["pid"]) as trace:
            pool.next_truth()
            truths = pool.go_on()
            assert trace.process.wait(60) == 0, trace.stderr()
            found = by_child(trace.findings())
            for worker in first["workers"]:
                check_worker(found[worker])
                assert found[worker].end["inexact_reason"] == "it was forked before forkmon watched"
            for truth in truths:
                check_child(truth, found[truth["child"]])


def test_workers_that_are_older_than_all_threads_are_not_accused(tmp_path):
    with Running([workload("pool_forked_early"), "threads-later"]) as pool:
        first = pool.first_line()
        with Trace(tmp_path, "-p", first["pid"], "--all") as trace:
            pool.next_truth()
            pool.go_on()
            assert trace.process.wait(60) == 0, trace.stderr()
            assert not [f for f in trace.findings() if f["kind"] == "unsafe_call"]
            found = by_child(trace.findings())
            assert set(found) <= set(first["workers"]), "what they fork is not tainted either"
            assert not any(child.end["exact"] for child in found.values())
            assert "in children forked meanwhile" in trace.stderr()


def test_workers_that_were_there_before_the_agent(tmp_path):
    with Running([workload("pool_forked_early")]) as pool:
        first = pool.first_line()
        with Agent(tmp_path, "--probe-budget=100") as agent:
            wait_until(lambda: agent.metric("workers_armed_total") == 2, "both are armed")
            pool.next_truth()
            pool.go_on()
            wait_until(lambda: agent.metric("children_total", exe="pool_forked_early") == 4, "ended")
            assert agent.end(signal.SIGTERM) == 0
            found = by_child(agent.findings())
            for worker in first["workers"]:
                check_worker(found[worker])
