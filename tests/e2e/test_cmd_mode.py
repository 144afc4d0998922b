# SPDX-License-Identifier: MIT
"""`forkmon --trace -- CMD`: every call of every child, exactly; nothing on right programs."""

import datetime
from pathlib import Path

import pytest

from harness import check_truths, trace_command, workload

UNSAFE = [
    "malloc_1000",
    "malloc_in_thread_fork",
    "exit_in_child",
    "setenv_in_child",
    "localtime_in_child",
    "getaddrinfo_in_child",
    "pthread_create_in_child",
    "mutex_in_child",
    "printf_in_child",
    "grandchild",
    "threads_in_child",
    "exec_fails",
    "malloc_then_exec",
    "killed_child",
    "many_forks",
    "comm_hostile",
    "exec_by_thread",
    "leader_ends_first",
]
CLEAN = ["fork_exec", "vfork", "posix_spawn", "clone_vm", "single_threaded_fork"]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_workload_is_reported_exactly(tmp_path, name):
    session = trace_command(tmp_path, workload(name))
    assert session.returncode == 0, session.stderr
    assert session.of_kind("unsafe_call"), "nothing was found"
    check_truths(session.truths(), session.findings)


@pytest.mark.parametrize("name", CLEAN)
def test_clean_workload_has_no_findings(tmp_path, name):
    session = trace_command(tmp_path, workload(name))
    assert session.returncode == 0, session.stderr
    assert session.truths() == [{"clean": True}]
    assert session.findings == []


def test_unsafe_call_carries_the_fields_of_the_contract(tmp_path):
    session = trace_command(tmp_path, workload("malloc_1000"))
    [call] = [f for f in session.of_kind("unsafe_call") if f["function"] == "malloc"]
    assert call["category"] == "allocator"
    assert call["severity"] == "warning"
    assert call["protected"] is True
    assert call["evidence"] == "uprobe"
    assert call["library"].endswith("libc.so.6")
    assert call["since_fork_us"] >= 0
    assert isinstance(call["stack"], list)
    assert call["container"] is None or isinstance(call["container"], str)
    assert call["parent"]["comm"] == "malloc_1000"
    assert Path(call["parent"]["exe"]).name == "malloc_1000"  # its path where that can be read
    assert call["parent"]["threads"] == 2
    assert call["child"] == {"pid": session.truths()[0]["child"], "comm": "malloc_1000"}


def test_child_carries_the_fields_of_the_contract(tmp_path):
    session = trace_command(tmp_path, workload("killed_child"))
    [child] = session.of_kind("child")
    assert child["severity"] == "warning"
    assert child["outcome"] == "signal"
    assert child["lifetime_us"] > 0
    assert child["exact"] is True
    assert child["calls"] == {"malloc": 11, "free": 11}


def test_times_are_rfc_3339_in_utc_and_now(tmp_path):
    before = datetime.datetime.now(datetime.timezone.utc)
    session = trace_command(tmp_path, workload("malloc_1000"))
    after = datetime.datetime.now(datetime.timezone.utc)
    for finding in session.findings:
        seconds, nanoseconds = finding["time"].rstrip("Z").split(".")
        assert len(nanoseconds) == 9 and finding["time"].endswith("Z")
        time = datetime.datetime.fromisoformat(seconds + "+00:00")
        second = datetime.timedelta(seconds=1)
        assert before - second <= time <= after + second


@pytest.mark.parametrize("name,function", [
    ("exit_in_child", "exit"),
    ("setenv_in_child", "setenv"),
    ("getaddrinfo_in_child", "getaddrinfo"),
    ("pthread_create_in_child", "pthread_create"),
])
def test_locks_that_nobody_repairs_are_severe(tmp_path, name, function):
    session = trace_command(tmp_path, workload(name))
    [call] = [f for f in session.of_kind("unsafe_call") if f["function"] == function]
    assert call["severity"] == "high"
    assert call["protected"] is False
    [child] = session.of_kind("child")
    assert child["severity"] == "high"


def test_family_is_watched_through_a_shell(tmp_path):
    """CMD is often a shell, and what it execs is watched from its first instruction on."""
    script = f"{workload('malloc_1000')}; {workload('setenv_in_child')} & wait"
    session = trace_command(tmp_path, "sh", "-c", script)
    check_truths(session.truths(), session.findings)
    assert {"malloc", "setenv"} <= session.functions()


def test_a_thousand_children_and_none_lost(tmp_path):
    session = trace_command(tmp_path, workload("many_forks"), "1000")
    assert len(session.of_kind("child")) == 1000
    check_truths(session.truths(), session.findings)


def test_threads_of_a_child_that_map_memory_at_once(tmp_path):
    """They contend for the child's mmap lock, which must not cost a call its name."""
    script = f"for run in 1 2 3 4 5 6 7 8 9 10; do {workload('threads_in_child')}; done"
    session = trace_command(tmp_path, "sh", "-c", script)
    assert len(session.truths()) == 10
    check_truths(session.truths(), session.findings)


def test_only_fork_repairs_locks(tmp_path):
    """_Fork and clone leave malloc's lock as it stood: what is a warning after fork is high there."""
    session = trace_command(tmp_path, workload("bare_fork"))
    made_by = {truth["child"]: truth["made_by"] for truth in session.truths()}
    assert sorted(made_by.values()) == ["_Fork", "clone", "fork"]
    calls = session.of_kind("unsafe_call")
    assert len(calls) == 6
    for call in calls:
        by_fork = made_by[call["child"]["pid"]] == "fork"
        assert call["protected"] is by_fork
        assert call["severity"] == ("warning" if by_fork else "high")
