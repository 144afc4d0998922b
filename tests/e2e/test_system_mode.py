# SPDX-License-Identifier: MIT
"""`forkmon --trace` over the whole system. Others run too, so the tests look at their own alone."""

from pathlib import Path

import pytest

from harness import (Running, Trace, by_child, check_children, is_zombie, json_lines, run, wait_until,
                     workload)


def of_exe(findings, name):
    return [f for f in findings if Path(f.get("parent", {}).get("exe", "")).name == name]


def was_looked_at(truths, findings):
    """One that ends before its libraries can be looked at is not exact."""
    children = by_child(findings)
    ends = [children[truth["child"]].end for truth in truths if truth["child"] in children]
    return not any("had ended before" in (end["inexact_reason"] or "") for end in ends if end)


@pytest.mark.parametrize("name", ["malloc_1000", "setenv_in_child", "grandchild", "many_forks"])
def test_all_probes_see_every_call(tmp_path, name):
    with Trace(tmp_path, "--probe=all") as trace:
        runs = [json_lines(run(workload(name)).stdout) for _ in range(3)]
        assert trace.end() == 0, trace.stderr()
        findings = trace.findings()
        children = by_child(findings)
        for truths in runs:
            if was_looked_at(truths, findings):
                check_children(truths, findings)
            for truth in truths:  # each has the same C library as forkmon, looked at or not
                calls = children[truth["child"]].calls() if truth["child"] in children else {}
                assert calls == truth.get("calls", calls)


@pytest.mark.parametrize("name", ["fork_exec", "posix_spawn", "vfork", "single_threaded_fork"])
def test_all_probes_find_nothing_in_clean_programs(tmp_path, name):
    with Trace(tmp_path, "--probe=all", "--exe", workload(name)) as trace:
        assert run(workload(name)).returncode == 0
        assert trace.end() == 0, trace.stderr()
        assert of_exe(trace.findings(), name) == []


def test_process_that_ran_before_is_seen(tmp_path):
    with Running([workload("hold_then_fork")]) as target:
        target.first_line()
        with Trace(tmp_path, "--probe=all") as trace:
            truths = target.go_on()
            assert trace.end() == 0, trace.stderr()
            check_children(truths, trace.findings())


def test_auto_arms_the_parent_of_a_child_that_lives_on(tmp_path):
    """The first child lives 500 ms: its parent is a suspect, and its later children are exact."""
    with Trace(tmp_path, "--probe=auto") as trace, Running([workload("suspect")]) as target:
        first = target.first_line()["first"]
        wait_until(lambda: is_zombie(first), "the first child has ended")
        truths = target.go_on()
        assert trace.end() == 0, trace.stderr()
        check_children(truths, trace.findings())


def test_without_probes_only_page_faults_tell(tmp_path):
    with Trace(tmp_path, "--probe=none", "--all") as trace:
        [truth] = json_lines(run(workload("malloc_1000")).stdout)
        assert trace.end() == 0, trace.stderr()
        mine = of_exe(trace.findings(), "malloc_1000")
        [child] = [f for f in mine if f["kind"] == "child"]
        assert child["child"]["pid"] == truth["child"]
        assert child["exact"] is False
        calls = [f for f in mine if f["kind"] == "unsafe_call"]
        assert {f["evidence"] for f in calls} <= {"page_fault"}
        assert set(child["calls"]) <= set(truth["calls"])
