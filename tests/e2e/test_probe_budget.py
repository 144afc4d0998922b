# SPDX-License-Identifier: MIT
"""What the agent's probes may cost: budget, back-off, the bound on descriptors, and letting go."""

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from harness import Agent, Running, assert_one_line, by_child, forkmon, is_zombie, wait_until, workload


def files(most):
    """A prefix for a program that may open no more."""
    return ["prlimit", f"--nofile={most}:{most}"]


def armed(agent, count=1):
    wait_until(lambda: agent.metric("armed_families") == count, f"{count} families are armed")


def disarms(agent, **labels):
    return agent.metric("probe_disarms_total", **labels)


def perf_events(agent):
    """How many the agent has open, those included that register sites with the kernel."""
    count = 0
    for link in Path(f"/proc/{agent.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            count += os.readlink(link) == "anon_inode:[perf_event]"
    return count


def children_of(agent, pid):
    return [finding for finding in agent.findings()
            if finding["kind"] == "child" and finding["parent"]["pid"] == pid]


def test_a_parent_that_allocates_all_the_time_loses_its_hot_tier(tmp_path):
    with Agent(tmp_path) as agent, Running([workload("busy_parent")]) as target:
        target.first_line()
        wait_until(lambda: disarms(agent, tier="hot", reason="budget") >= 1, "its budget is spent")
        assert agent.metric("armed_families") == 1, "the cold tier stays"
        assert disarms(agent, tier="cold") == 0
        hits = agent.metric("probe_hits_total")
        target.next_truth()
        assert agent.end(signal.SIGTERM) == 0
        assert hits > 1000


def test_its_children_are_not_exact_from_then_on(tmp_path):
    with Agent(tmp_path) as agent, Running([workload("busy_parent")]) as target:
        pid = target.first_line()["pid"]
        wait_until(lambda: disarms(agent, tier="hot", reason="budget") >= 1, "its budget is spent")
        target.next_truth()
        wait_until(lambda: agent.metric("children_total", exe="busy_parent") >= 11, "they ended")
        assert agent.end(signal.SIGTERM) == 0
        reported = children_of(agent, pid)
        assert reported, "page faults show what they call"
        assert not any(child["exact"] for child in reported)


def test_a_parent_that_forks_all_the_time_loses_both_tiers(tmp_path):
    with Agent(tmp_path) as agent:
        at_rest = perf_events(agent)
        with Running(["sh", "-c", f"exec {workload('many_forks')} 1000000 >{os.devnull}"]):
            for tier in ("cold", "hot"):
                wait_until(lambda: disarms(agent, tier=tier, reason="budget") >= 1,
                           f"its {tier} tier is taken off")
            wait_until(lambda: perf_events(agent) == at_rest, "no site is registered")
            assert agent.metric("armed_families") == 1, "it gets them back in a while"


def test_sites_are_registered_only_while_somebody_carries_them(tmp_path):
    with Agent(tmp_path) as agent:
        at_rest = perf_events(agent)
        with Running([workload("suspect")]) as target:
            target.first_line()
            armed(agent)
            assert perf_events(agent) > at_rest + agent.metric("probe_descriptors")
        armed(agent, 0)
        wait_until(lambda: perf_events(agent) == at_rest, "no site is registered")


def test_a_large_budget_is_not_spent(tmp_path):
    with Agent(tmp_path, "--probe-budget=100") as agent, \
            Running([workload("busy_parent")]) as target:
        pid = target.first_line()["pid"]
        armed(agent)
        target.next_truth()
        wait_until(lambda: agent.metric("children_total", exe="busy_parent") >= 11, "they ended")
        assert agent.metric("probe_disarms_total") == 0
        assert agent.end(signal.SIGTERM) == 0
        exact = [child for child in children_of(agent, pid) if child["exact"]]
        assert len(exact) == 10
        assert all(child["calls"] == {"malloc": 10, "free": 10} for child in exact)


def test_a_budget_of_nothing_arms_nobody(tmp_path):
    with Agent(tmp_path, "--probe-budget=0") as agent, Running([workload("suspect")]) as target:
        target.first_line()
        wait_until(lambda: agent.metric("suspects_not_armed_total", reason="budget") >= 1,
                   "the suspect is counted")
        assert agent.metric("armed_families") == 0
        assert agent.metric("probe_hits_total") == 0


@pytest.mark.parametrize("value", ["-1", "101", "nan", "1%", "much", ""])
def test_nonsense_is_refused(value):
    assert_one_line(forkmon("--probe-budget", value), 2, "probe-budget|required")


@pytest.mark.parametrize("value", ["0", "65537", "48MiB", "1GiB", "x"])
def test_a_ring_of_no_such_size_is_refused(value):
    assert_one_line(forkmon("--ring-bytes", value), 2, "ring-bytes")


def test_a_process_that_execs_is_let_go(tmp_path):
    with Agent(tmp_path) as agent, Running([workload("suspect_execs")]) as target:
        first = target.first_line()["first"]
        wait_until(lambda: is_zombie(first), "its child has ended")
        armed(agent)
        assert agent.metric("probe_descriptors") > 0
        target.process.stdin.write(b"x")
        target.process.stdin.flush()
        armed(agent, 0)
        assert disarms(agent, tier="hot", reason="exec") == 1
        assert agent.metric("probe_descriptors") == 0
        assert target.process.poll() is None, "it lives on"


def test_descriptors_are_bounded_and_the_rest_is_counted(tmp_path):
    with ExitStack() as stack:
        agent = stack.enter_context(Agent(tmp_path, prefix=files(90)))
        limit = wait_until(lambda: agent.metric("probe_descriptors_limit"), "the limit is told")
        assert limit < 90
        suspects = [stack.enter_context(Running([workload("suspect")])) for _ in range(24)]
        for suspect in suspects:
            suspect.first_line()
        wait_until(lambda: agent.metric("suspects_not_armed_total", reason="limit") >= 1,
                   "some are not armed")
        assert 0 < agent.metric("probe_descriptors") <= limit
        assert 0 < agent.metric("armed_families") < 24
        assert agent.metric("probe_descriptors_limit") == limit


def test_findings_of_those_that_are_not_armed_are_not_exact(tmp_path):
    with Agent(tmp_path, prefix=files(90)) as agent, ExitStack() as stack:
        suspects = [stack.enter_context(Running([workload("suspect")])) for _ in range(24)]
        firsts = [suspect.first_line() for suspect in suspects]
        wait_until(lambda: agent.metric("suspects_not_armed_total", reason="limit") >= 1,
                   "some are not armed")
        truths = [truth for suspect in suspects for truth in suspect.go_on() if "child" in truth]
        wait_until(lambda: agent.metric("children_total", exe="suspect") >= len(truths) + 24,
                   "all have ended")
        assert agent.end(signal.SIGTERM) == 0
        by_parent = [children_of(agent, first["pid"]) for first in firsts]
        assert any(found and not any(child["exact"] for child in found) for found in by_parent)
        for truth in truths:
            end = by_child(agent.findings()).get(truth["child"])
            if end and end.end and end.end["exact"]:
                assert end.end["calls"] == truth["calls"]
