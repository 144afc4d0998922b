# SPDX-License-Identifier: MIT
"""Taint comes of threads that run the program: not of joined ones, and not of the kernel's workers."""

import pytest

from harness import Agent, check_truths, json_lines, run, trace_command, wait_until, workload

JOINER = workload("join_then_fork")
ROUNDS = 400
# Whoever joins may be woken on the CPU of the thread that ends, on another, and before anybody else.
WAYS = {
    "anywhere": [JOINER, ROUNDS],
    "slow": [JOINER, ROUNDS // 4, "slow"],
    "one CPU": ["taskset", "-c", "0", JOINER, ROUNDS],
    "one CPU, slow": ["taskset", "-c", "0", JOINER, ROUNDS // 4, "slow"],
    "real-time": ["chrt", "-f", "50", JOINER, ROUNDS],
    "real-time, slow": ["chrt", "-f", "50", JOINER, ROUNDS // 4, "slow"],
    "real-time on one CPU": ["chrt", "-f", "50", "taskset", "-c", "0", JOINER, ROUNDS],
}


def tainted(agent, exe):
    return agent.metric("tainted_forks_total", exe=exe)


def test_joined_threads_taint_nobody(tmp_path):
    """After each run comes a child that is tainted: once it is seen, all that came before was."""
    last = workload("malloc_1000")
    with Agent(tmp_path, "--all") as agent:
        for seen, (way, command) in enumerate(WAYS.items(), start=1):
            done = run(*command)
            assert (done.returncode, done.stdout) == (0, '{"clean": true}\n'), done.stderr
            assert run(last).returncode == 0
            wait_until(lambda: agent.metric("children_total", exe=last) >= seen, "all is seen")
            assert tainted(agent, JOINER) == 0, way
        assert agent.metric("events_lost_total") == 0
    assert not [f for f in agent.findings() if f.get("parent", {}).get("exe") == JOINER]


@pytest.mark.parametrize("way", ["anywhere", "real-time, slow"])
def test_joined_threads_taint_nobody_in_an_armed_family(tmp_path, way):
    session = trace_command(tmp_path, *WAYS[way])
    assert session.returncode == 0, session.stderr
    check_truths(session.truths(), session.findings)


def test_workers_of_io_uring_are_no_threads(tmp_path):
    exe = workload("io_uring_fork")
    if run(exe).returncode != 0:
        pytest.skip("the kernel has no io_uring for us")
    with Agent(tmp_path, "--all") as agent:
        assert run(exe).stdout == '{"clean": true}\n'
        [truth] = json_lines(run(exe, "threaded").stdout)
        wait_until(lambda: agent.metric("children_total", exe=exe) >= 1, "the tainted child is seen")
        assert tainted(agent, exe) == 1
    [child] = [f for f in agent.findings() if f["kind"] == "child" and f["parent"]["exe"] == exe]
    assert child["child"]["pid"] == truth["child"]
    assert child["parent"]["threads"] == 2
