# SPDX-License-Identifier: MIT
"""Every tainted child ends once in the books, and the processes around it keep their identity."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness import Agent, Running, Trace, by_child, json_lines, run, wait_until, workload
from stuck_harness import deadlocks_so_far

LEADERLESS = workload("leader_ends_then_exec")


def ends_of(findings, exe):
    return [f for f in findings if f["kind"] == "child" and f["parent"]["exe"] == exe]


def test_children_whose_first_thread_ended_end_once(tmp_path):
    """By the exec of another thread, by two at once, by an exit, and with children of their own."""
    with Agent(tmp_path, "--all", "--probe=none") as agent:
        done = run(LEADERLESS, 40)
        assert done.returncode == 0, done.stderr
        truths = json_lines(done.stdout)
        wait_until(lambda: agent.metric("children_total", exe=LEADERLESS) >= 200, "all have ended")
        assert agent.metric("live_tainted_children", exe=LEADERLESS) == 0
        assert agent.metric("events_lost_total") == 0
        assert agent.metric("untracked_children_total") == 0
        assert agent.metric("unwatched_children") == 0
    ends = by_child(ends_of(agent.findings(), LEADERLESS))
    assert len(ends) == 200, "160 children and 40 of theirs"
    for truth in truths:
        end = ends[truth["child"]].end
        assert (end["outcome"], truth) == (truth["outcome"], truth)
        assert end["status"] == (truth["status"] if truth["outcome"] == "exit" else None)


def test_calls_of_a_child_whose_first_thread_ended_are_at_least(tmp_path):
    with Trace(tmp_path, "--probe=all") as trace:
        done = run(LEADERLESS, 1)
        assert done.returncode == 0
        wait_until(lambda: len(ends_of(trace.findings(), LEADERLESS)) >= 4, "all have ended")
        assert trace.end() == 0
        ends = ends_of(trace.findings(), LEADERLESS)
    for end in ends:
        assert end["calls"].get("pthread_create", 0) >= 1
        assert end["exact"] is (end["outcome"] == "exit")


class Orphan(Running):
    """The workload, and its child, which outlives it."""

    def __init__(self, *options):
        # A session of its own would keep its number from being used again.
        super().__init__([workload("orphan"), *options], start_new_session=False)
        self.truth = self.first_line()

    def lose_parent(self):
        self.process.communicate(b"x")
        assert self.process.returncode == 0

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            os.kill(self.truth["stuck"], signal.SIGKILL)
        super().__exit__()


def deadlock_of(trace, truth):
    return wait_until(lambda: [f for f in deadlocks_so_far(trace.output)
                               if f["child"]["pid"] == truth["stuck"]], "the deadlock is found")[0]


@pytest.mark.parametrize("scope", ["system", "orphan"])
def test_parent_that_ended_before_is_nobody_else(tmp_path, scope):
    with Orphan() as orphan:
        orphan.process.wait()
        options = ["-p", orphan.truth["stuck"]] if scope == "orphan" else []
        with Trace(tmp_path, *options) as trace:
            finding = deadlock_of(trace, orphan.truth)
            os.kill(orphan.truth["stuck"], signal.SIGKILL)
            trace.end()
    assert finding["proof"] is True
    assert finding["parent"] == {"pid": 0, "comm": "orphan", "exe": workload("orphan"), "threads": 0,
                                 "ended": True}
    if scope == "orphan":
        others = [f for f in trace.findings() if f["child"]["pid"] != orphan.truth["stuck"]]
        assert others == []


def test_parent_that_ends_after_the_fork_stays_the_parent(tmp_path):
    with Trace(tmp_path) as trace, Orphan() as orphan:
        finding = deadlock_of(trace, orphan.truth)
        trace.end()
    parent = finding["parent"]
    assert (parent["pid"], parent["comm"], parent["threads"]) == (orphan.truth["parent"], "orphan", 2)
    assert parent["ended"] is True


def stranger_with(pid):
    """A process that gets a number which was somebody else's, in another clock tick than that one."""
    time.sleep(2 / os.sysconf("SC_CLK_TCK"))
    for _ in range(200):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1), encoding="ascii")
        stranger = Running(["sleep", "60"])
        if stranger.pid == pid:
            return stranger
        stranger.__exit__()
    return pytest.skip(f"nobody gets the number {pid}")


def test_stranger_with_the_parents_number_is_not_the_parent(tmp_path):
    """The child waits in vain from the start; the session comes when its parent's number is reused."""
    with Orphan() as orphan:
        orphan.process.wait()
        with stranger_with(orphan.truth["parent"]), Trace(tmp_path) as trace:
            finding = deadlock_of(trace, orphan.truth)
            trace.end()
    assert (finding["parent"]["pid"], finding["parent"]["comm"]) == (0, "orphan")
    assert not finding["owner"] or not finding["owner"]["alive"]
    assert finding["owner_stack"] == []


def test_stranger_with_the_number_of_a_parent_that_was_watched(tmp_path):
    with Trace(tmp_path) as trace, Orphan() as orphan:
        orphan.process.wait()
        with stranger_with(orphan.truth["parent"]):
            finding = deadlock_of(trace, orphan.truth)
        trace.end()
    assert (finding["parent"]["comm"], finding["parent"].get("ended")) == ("orphan", True)
    assert not finding["owner"] or not finding["owner"]["alive"]
    assert finding["owner_stack"] == []


def test_parent_that_lives_is_not_said_to_have_ended(tmp_path):
    with Trace(tmp_path) as trace, Orphan("wait") as orphan:
        finding = deadlock_of(trace, orphan.truth)
        trace.end()
    assert finding["parent"]["pid"] == orphan.truth["parent"]
    assert "ended" not in finding["parent"]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_watching_a_target_that_has_ended_costs_nothing(tmp_path):
    """Its child lives on, and the session with it."""
    with Orphan("wait") as orphan, Trace(tmp_path, "-p", orphan.truth["parent"]) as trace:
        orphan.lose_parent()
        deadlock_of(trace, orphan.truth)
        before, start = cpu_seconds(trace.pid), time.monotonic()
        time.sleep(2)
        share = (cpu_seconds(trace.pid) - before) / (time.monotonic() - start)
        assert share < 0.2, f"{share:.0%} of a CPU"
        os.kill(orphan.truth["stuck"], signal.SIGKILL)
        assert trace.process.wait(20) == 0, trace.stderr()
