# SPDX-License-Identifier: MIT
"""Deadlocks: each proven or suspected as it should be, its lock, its owner, and the code."""

from pathlib import Path

import pytest

from harness import FORKMON, Agent, Running, assert_printable, wait_until, workload
from stuck_harness import (check_deadlock, check_killed, deadlocks_so_far, functions,
                           only_deadlock, trace_stuck, wait_for_deadlock)


def stuck_workload(tmp_path, *command, options=(), severity="high"):
    """The deadlock finding of a workload, compared with its truth."""
    name, *arguments = command
    truth, session = trace_stuck(tmp_path, workload(name), *arguments, options=options)
    assert session.returncode == 0, session.stderr
    finding = only_deadlock(session)
    check_deadlock(finding, truth, severity)
    check_killed(session, truth)
    return finding


@pytest.mark.parametrize("kind", ["normal", "recursive", "errorcheck"])
def test_mutex_held_by_a_named_thread(tmp_path, kind):
    finding = stuck_workload(tmp_path, "deadlock_mutex", kind)
    assert finding["owner"]["comm"] == "lock holder"
    names = functions(finding["stack"])
    assert "take" in names and "main" in names[names.index("take"):]
    assert "mutex_lock" in "".join(names[:names.index("take")])


def test_stack_of_the_owner_and_source_lines(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_mutex")
    assert {"sleep_for_ever", "hold"} & set(functions(finding["owner_stack"]))
    [take] = [frame for frame in finding["stack"] if frame["function"] == "take"]
    assert Path(take["module"]).name == "deadlock_mutex"
    assert take["source"].rpartition(":")[0].endswith("deadlock_mutex.c")


def test_mutex_held_by_a_thread_that_has_ended(tmp_path):
    assert stuck_workload(tmp_path, "deadlock_mutex", "ended")["owner"]["alive"] is False


def test_mutex_between_processes_is_only_suspected(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_mutex", "shared", severity="warning")
    assert finding["owner"]["comm"] == "lock holder"


def test_pi_mutex(tmp_path):
    """Where the kernel refuses to wait for another process's thread, the child is aborted. Else it is
    only suspected, because the end of the owner wakes it."""
    truth, session = trace_stuck(tmp_path, workload("deadlock_mutex"), "pi")
    if "stuck" in truth:
        check_deadlock(only_deadlock(session), truth)
    else:
        assert session.of_kind("deadlock") == []
        assert [f["outcome"] for f in session.of_kind("child")] == ["signal"]


def test_semaphore(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_semaphore")
    assert "take" in functions(finding["stack"])


def test_condition_variable(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_condition")
    assert "wait_for_signal" in functions(finding["stack"])


def test_allocator_without_at_fork_handlers(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_allocator")
    assert finding["owner"]["comm"] == "allocating"
    [malloc] = [frame for frame in finding["stack"] if frame["function"] == "malloc"]
    assert Path(malloc["module"]).name == "liballocator.so"
    assert "alloc" in finding["advice"] and "fork" in finding["advice"]


@pytest.mark.parametrize("call,hint,names", [
    ("setenv", "Build the environment before fork", {"setenv", "__setenv", "__add_to_environ"}),
    ("localtime", "Convert times before fork", {"localtime_r", "__localtime_r", "__tz_convert"}),
    ("atexit", "_exit", {"__cxa_atexit", "__GI___cxa_atexit", "__internal_atexit", "__new_exitfn",
                         "__cxa_finalize"}),
])
def test_lock_of_libc(tmp_path, call, hint, names):
    finding = stuck_workload(tmp_path, "deadlock_in_libc", call)
    in_libc = [f for f in finding["stack"] if Path(f["module"]).name == "libc.so.6"]
    assert names & set(functions(in_libc)), functions(finding["stack"])
    assert f"call_{call}" in functions(finding["stack"])
    assert hint in finding["advice"]


def test_at_fork_handler_before_fork_returns(tmp_path):
    finding = stuck_workload(tmp_path, "deadlock_at_fork_handler")
    names = functions(finding["stack"])
    assert "handler_in_child" in names and "main" in names[names.index("handler_in_child"):]


def test_spinning_child_is_suspected(tmp_path):
    truth, session = trace_stuck(tmp_path, workload("deadlock_spin"))
    finding = only_deadlock(session)
    assert finding["child"]["pid"] == truth["stuck"]
    assert finding["proof"] is False and finding["severity"] == "warning"
    assert "spin" in finding["reason"]
    assert finding["owner"] is None and finding["lock"]["kind"] == "unknown"
    check_killed(session, truth)


def test_pipe_that_only_the_child_can_write_to_is_suspected(tmp_path):
    truth, session = trace_stuck(tmp_path, workload("deadlock_own_pipe"))
    finding = only_deadlock(session)
    assert finding["child"]["pid"] == truth["stuck"]
    assert finding["proof"] is False and finding["severity"] == "high"
    assert "pipe" in finding["reason"]
    assert "read_own_pipe" in functions(finding["stack"])
    check_killed(session, truth)


@pytest.mark.parametrize("name,severity,status", [
    ("deadlock_mutex", "critical", 42),
    ("deadlock_own_pipe", "critical", 0),
    ("deadlock_own_pipe", "high", 42),
])
def test_exit_status_by_severity(tmp_path, name, severity, status):
    options = ("--error-exitcode", 42, "--fail-severity", severity)
    _, session = trace_stuck(tmp_path, workload(name), options=options)
    assert only_deadlock(session)
    assert session.returncode == status, session.stderr


def test_without_probes(tmp_path):
    """Its proof rests on the child alone, not on calls that were seen."""
    stuck_workload(tmp_path, "deadlock_mutex", options=("--probe=none",))


@pytest.mark.parametrize("name,lock", [
    ("deadlock_mutex", "mutex"), ("deadlock_semaphore", "semaphore")])
def test_metrics_rise_and_fall(tmp_path, name, lock):
    exe = workload(name)
    with Agent(tmp_path) as agent, Running([exe]) as target:
        truth = target.first_line()
        wait_until(lambda: agent.metric("deadlocked_children", exe=exe) == 1, "it is stuck", 15)
        assert agent.metric("deadlocks_total", exe=exe, lock=lock) == 1
        assert agent.metric("suspected_deadlocks_total", exe=exe) == 0
        target.go_on()
        wait_until(lambda: agent.metric("deadlocked_children", exe=exe) == 0, "it is gone", 15)
        assert agent.metric("deadlocks_total", exe=exe, lock=lock) == 1
        wait_until(lambda: agent.metric("children_total", exe=exe, outcome="signal") == 1,
                   "its end is counted", 15)
        assert agent.end() == 0, agent.stderr()
        [finding] = [f for f in deadlocks_so_far(agent.output) if f["parent"]["exe"] == exe]
        check_deadlock(finding, truth)


def test_child_that_goes_on_is_withdrawn(tmp_path):
    exe = workload("freed_child")
    with Agent(tmp_path) as agent, Running([exe]) as target:
        target.first_line()
        wait_until(lambda: agent.metric("suspected_children", exe=exe) == 1, "suspected", 15)
        assert agent.metric("suspected_deadlocks_total", exe=exe, lock="mutex") == 1
        assert agent.metric("deadlocks_total", exe=exe) == 0
        target.go_on()
        wait_until(lambda: agent.metric("suspected_children", exe=exe) == 0, "withdrawn", 15)
        wait_until(lambda: agent.metric("children_total", exe=exe, outcome="exit") == 1,
                   "its end is counted", 15)


def test_table_shows_the_deadlock_and_its_owner(tmp_path):
    with Running([FORKMON, "--trace", "--", workload("deadlock_mutex")],
                 errors_to=tmp_path / "stderr") as traced:
        truth = traced.first_line()
        wait_for_deadlock(traced, lambda: "lock holder" in traced.stderr())
        traced.go_on()
        text = traced.stderr()
    assert_printable(text)
    for part in ("lock holder", str(truth["stuck"]), str(truth["owner"]["tid"]), "take", "mutex"):
        assert part in text, text
