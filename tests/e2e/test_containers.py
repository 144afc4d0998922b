# SPDX-License-Identifier: MIT
"""Containers of runc, with an overlayfs for a root: what is found is as exact as on the host, and names the
container."""

import contextlib
import shutil
import signal

import pytest

from container_truths import (calls_of, check_container, check_mutex_deadlock, findings_of,
                              host_pids_of, trace_in_turn, watch_containers)
from harness import TIMEOUT, Agent, Running, Trace, by_child, run, wait_until, workload
from oci_container import Container, make_layer, mounted, overlay
from own_libraries import C_LIBRARIES, compiled
from stuck_harness import deadlocks_so_far, findings_so_far, trace_stuck

WORKLOADS = ("malloc_1000", "hold_then_fork", "child_per_byte", "deadlock_mutex")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Roots of overlayfs: of one layer with upper layers on its file system and on another one, and of the host's
    own root below workloads."""
    folder = tmp_path_factory.mktemp("roots")
    layer = make_layer(folder / "layer", *WORKLOADS)
    with contextlib.ExitStack() as stack:
        tmpfs = stack.enter_context(mounted(folder / "tmpfs", "-t", "tmpfs", "nodev"))
        layers = {"one": (folder / "one", layer), "two": (tmpfs / "two", layer),
                  "host": (tmpfs / "host", only_programs(tmpfs / "programs"), "/")}
        yield {name: stack.enter_context(overlay(*paths)) for name, paths in layers.items()}


def only_programs(layer):
    """A layer of workloads that find their libraries in the layer below."""
    layer.mkdir()
    for name in WORKLOADS:
        shutil.copy(workload(name), layer)
    return layer


@pytest.fixture
def container(roots, tmp_path):
    """container(NAME_OF_ROOT, PROGRAM, …): a container that is removed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda name, *command, **options: stack.enter_context(
            Container(tmp_path, roots[name], *command, **options))


def one_of_each(container, *command):
    """Two of them have one layer, and the third one's C library is the host's."""
    return [container(name, *command) for name in ("one", "two", "host")]


def test_command_that_runs_containers(container, tmp_path):
    """Through the runtime, its namespaces, and the execs up to the program."""
    first = container("one", "/child_per_byte")
    others = [container("one", "/malloc_1000"), container("two", "/malloc_1000"),
              container("host", "/malloc_1000"),
              container("two", "/bin/sh", "-c", "/malloc_1000; exec /malloc_1000")]
    truths, findings = trace_in_turn(tmp_path, first, *others)
    assert len(truths) == 5
    for each, start, end in zip(others, (0, 1, 2, 3), (1, 2, 3, 5)):
        check_container(each, truths[start:end], findings)


@pytest.mark.parametrize("libc", ["static_glibc", "static_musl"])
def test_command_that_runs_a_static_program_in_a_container(container, roots, tmp_path, libc):
    shutil.copy(compiled(tmp_path, "child_per_byte", *C_LIBRARIES[libc]), roots["two"] / libc)
    trace_in_turn(tmp_path, container("two", f"/{libc}"))


def test_command_that_runs_a_container_with_users_of_its_own(container, roots, tmp_path):
    for folder in (roots["two"], tmp_path):  # for users that are nobody here
        for place in (folder, *folder.parents):
            if not (mode := place.stat().st_mode) & 0o001:
                place.chmod(mode | 0o011)
    first = container("two", "/child_per_byte", change=with_own_users)
    other = container("two", "/malloc_1000", change=with_own_users)
    truths, findings = trace_in_turn(tmp_path, first, other)
    check_container(other, truths, findings)


def with_own_users(config):
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}


@pytest.mark.parametrize("root", ["one", "two", "host"])
def test_process_of_a_container(container, tmp_path, root):
    held = container(root, "/hold_then_fork")
    with Running(held.command) as target:
        target.first_line()
        with Trace(tmp_path, "-p", held.pid()) as trace:
            truths = target.go_on()
            assert trace.process.wait(30) == 0, trace.stderr()
            check_container(held, truths, trace.findings())


def test_agent_beside_containers(container, tmp_path):
    """Each is armed for its first child."""
    watch_containers(one_of_each(container, "/child_per_byte"), Agent(tmp_path))


def test_all_probes(container, tmp_path):
    """Each one's C library is found at its first fork."""
    watch_containers(one_of_each(container, "/child_per_byte"), Trace(tmp_path, "--probe=all"))


def test_page_faults_show_first_calls(container, tmp_path):
    """Without a probe, once the first fork has shown which C library it is."""
    containers = one_of_each(container, "/child_per_byte")
    with Trace(tmp_path, "--probe=none") as trace, contextlib.ExitStack() as stack:
        for each in containers:
            target = stack.enter_context(Running(each.command))
            target.first_line()
            wait_until(lambda: target.next_truth() and calls_of(each, findings_so_far(trace.output)),
                       "calls are seen", 10)
        assert trace.end() == 0, trace.stderr()
    for each in containers:
        calls = calls_of(each, trace.findings())
        assert {call["function"] for call in calls} <= {"malloc", "free"}
        assert {call["evidence"] for call in calls} == {"page_fault"}
        children = by_child(findings_of(each, trace.findings())).values()
        assert not any(child.end["exact"] for child in children if child.end)


def test_container_that_is_gone_before_forkmon_looks(container, tmp_path):
    """Its id is known nevertheless."""
    short = container("one", "/malloc_1000")
    with Trace(tmp_path, "--probe=none", "--all", "--comm=malloc_1000") as trace:
        trace.process.send_signal(signal.SIGSTOP)
        with Running(short.command) as target:
            target.process.communicate(timeout=TIMEOUT)
        run(*short.runc, "delete", "--force", short.id)
        trace.process.send_signal(signal.SIGCONT)
        assert trace.end() == 0, trace.stderr()
    assert [finding["kind"] for finding in findings_of(short, trace.findings())] == ["child"]


@pytest.mark.parametrize("root", ["two", "host"])
def test_deadlock_under_the_runtime(container, tmp_path, root):
    stuck = container(root, "/deadlock_mutex")
    host_pids = {}
    truth, session = trace_stuck(tmp_path, *stuck.command,
                                 meanwhile=lambda truth: host_pids.update(host_pids_of(stuck, truth)))
    assert session.returncode == 0, session.stderr
    check_mutex_deadlock(stuck, truth, host_pids, session.of_kind("deadlock"))


def test_deadlock_that_the_agent_finds(container, tmp_path):
    stuck = container("one", "/deadlock_mutex")
    with Agent(tmp_path) as agent, Running(stuck.command) as target:
        truth = target.first_line()
        host_pids = host_pids_of(stuck, truth)
        wait_until(lambda: agent.metric("deadlocks_total", container_id=stuck.id) == 1, "it is found", 15)
        assert agent.end() == 0, agent.stderr()
        check_mutex_deadlock(stuck, truth, host_pids, deadlocks_so_far(agent.output))
