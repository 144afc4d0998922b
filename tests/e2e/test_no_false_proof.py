# SPDX-License-Identifier: MIT
"""Children that wait for what can come are never called deadlocked."""

import pytest

from harness import Agent, run, trace_command, wait_until, workload


@pytest.mark.parametrize("wait", ["futex", "read", "poll", "wait4", "nanosleep", "signal", "join",
                                  "mutex"])
def test_wait_that_can_end(tmp_path, wait):
    session = trace_command(tmp_path, workload("waits"), wait)
    assert session.returncode == 0, session.stderr
    assert len(session.truths()) == 1
    assert session.of_kind("deadlock") == []


@pytest.mark.parametrize("wait", ["vm-child", "vm-parent"])
def test_process_that_shares_its_memory_may_wake_it(tmp_path, wait):
    session = trace_command(tmp_path, workload("waits"), wait)
    assert session.returncode == 0, session.stderr
    assert len(session.truths()) == 1
    assert [f for f in session.of_kind("deadlock") if f["proof"]] == []


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
