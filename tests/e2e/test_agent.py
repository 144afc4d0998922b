# SPDX-License-Identifier: MIT
"""The agent: metrics, JSON lines, its clean end, and what it leaves behind."""

import re
import shutil
import signal

import pytest

from harness import (TIMEOUT, Agent, Running, assert_printable, by_child, check_children,
                     finding_lines, is_zombie, json_lines, run, uprobe_groups, wait_until, workload)

METRICS = [
    "forks_total", "tainted_forks_total", "unsafe_calls_total", "children_total",
    "live_tainted_children", "parent_threads_bucket", "fork_to_exec_seconds_bucket",
    "events_lost_total", "sensor_active", "armed_families", "probe_hits_total",
    "build_info", "label_overflow_total",
]


def settled(agent, name, value, **labels):
    """Waits until the agent has read what the kernel sent it, then asserts the value."""
    wait_until(lambda: agent.metric(name, **labels) >= value, f"{name} {labels} reaches {value}",
               timeout=10)
    assert agent.metric(name, **labels) == value


def test_metrics_of_a_workload(tmp_path):
    with Agent(tmp_path, "--probe=all") as agent:
        exe = workload("malloc_1000")
        assert run(exe).returncode == 0
        settled(agent, "tainted_forks_total", 1, exe="malloc_1000")
        settled(agent, "unsafe_calls_total", 1000, exe="malloc_1000", function="malloc",
                category="allocator", severity="warning")
        settled(agent, "unsafe_calls_total", 1000, exe="malloc_1000", function="free")
        settled(agent, "children_total", 1, exe="malloc_1000", outcome="exit")
        settled(agent, "live_tainted_children", 0, exe="malloc_1000")
        assert agent.metric("sensor_active", sensor="probes") == 1
        assert agent.metric("events_lost_total") == 0
        assert agent.metric("probe_hits_total") >= 2000
        assert agent.metric("build_info") == 1


def test_metric_names_and_labels(tmp_path):
    with Agent(tmp_path, "--probe=all") as agent:
        for name in ("malloc_1000", "malloc_then_exec"):
            run(workload(name))
        settled(agent, "children_total", 1, exe="malloc_then_exec", outcome="exec")
        text = agent.metrics_text()
        for name in METRICS:
            assert re.search(rf"^forkmon_{name}[ {{]", text, re.MULTILINE), name
        assert re.search(r'^forkmon_forks_total\{mode="\w+"\} \d', text, re.MULTILINE)
        assert re.search(r"^process_resident_memory_bytes ", text, re.MULTILINE)
        assert not re.search(r"[{,]pid=", text)


def test_live_children_rise_and_fall(tmp_path):
    with Agent(tmp_path) as agent, Running([workload("suspect")]) as target:
        target.first_line()
        settled(agent, "live_tainted_children", 1, exe="suspect")
        target.go_on()
        wait_until(lambda: agent.metric("live_tainted_children", exe="suspect") == 0, "all gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_nothing_lost(tmp_path, number):
    with Agent(tmp_path, "--probe=all") as agent:
        truths = json_lines(run(workload("many_forks"), 200).stdout)
        assert agent.end(number) == 0, agent.stderr()
        assert len(truths) == 200
        check_children(truths, agent.findings())


def test_findings_go_to_stdout_by_default(tmp_path):
    with Agent(tmp_path, "--probe=all", output=None) as agent:
        truths = json_lines(run(workload("malloc_1000")).stdout)
        agent.process.send_signal(signal.SIGTERM)
        out, _ = agent.process.communicate(timeout=TIMEOUT)
        check_children(truths, finding_lines(out))


def test_thousands_of_forks_and_no_event_lost(tmp_path):
    with Agent(tmp_path) as agent:
        before = agent.metric("events_lost_total")
        assert run(workload("many_forks"), 3000).returncode == 0
        settled(agent, "tainted_forks_total", 3000, exe="many_forks")
        settled(agent, "children_total", 3000, exe="many_forks", outcome="exit")
        assert agent.metric("events_lost_total") == before == 0


def test_auto_arms_a_suspect(tmp_path):
    with Agent(tmp_path, "--probe=auto") as agent, Running([workload("suspect")]) as target:
        first = target.first_line()["first"]
        wait_until(lambda: is_zombie(first), "the first child has ended")
        wait_until(lambda: agent.metric("armed_families") >= 1, "its parent is armed")
        truths = target.go_on()
        settled(agent, "unsafe_calls_total", 100, exe="suspect", function="malloc")
        assert agent.end(signal.SIGTERM) == 0
        check_children(truths, agent.findings())


def test_auto_leaves_those_that_exec_alone(tmp_path):
    with Agent(tmp_path, "--probe=auto") as agent:
        for _ in range(20):
            run(workload("fork_exec"))
        settled(agent, "children_total", 20, exe="fork_exec", outcome="exec")
        assert agent.metric("unsafe_calls_total", exe="fork_exec") == 0


def test_nothing_is_left_in_tracefs(tmp_path):
    before = uprobe_groups()
    with Agent(tmp_path, "--probe=all") as agent:
        assert uprobe_groups() - before, "the probes are tracefs events of a group of its own"
        assert agent.end(signal.SIGTERM) == 0
    assert uprobe_groups() <= before


def test_leftovers_of_a_killed_agent_are_removed(tmp_path):
    before = uprobe_groups()
    with Agent(tmp_path) as agent:
        agent.end(signal.SIGKILL)
    leftovers = uprobe_groups() - before
    assert leftovers, "a killed agent cannot clean up"
    with Agent(tmp_path):
        assert not leftovers & uprobe_groups()


def test_two_agents_do_not_disturb_each_other(tmp_path):
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    with Agent(folders[0], "--probe=all") as one:
        with Agent(folders[1], "--probe=all") as two:
            [truth] = json_lines(run(workload("malloc_1000")).stdout)
            assert two.end(signal.SIGTERM) == 0
            check_children([truth], two.findings())
        [later] = json_lines(run(workload("malloc_1000")).stdout)
        assert one.end(signal.SIGTERM) == 0
        check_children([truth, later], one.findings())


def test_hostile_path_in_labels_and_json(tmp_path):
    program = tmp_path / 'ev\x1b[31m"il\n\\{}'
    shutil.copy(workload("malloc_1000"), program)
    with Agent(tmp_path, "--probe=all") as agent:
        [truth] = json_lines(run(program).stdout)
        wait_until(lambda: agent.metric("tainted_forks_total", exe="ev"), "it is counted")
        assert_printable(agent.metrics_text())
        assert agent.end(signal.SIGTERM) == 0
        assert truth["child"] in by_child(agent.findings())
        assert_printable(agent.output.read_text())
