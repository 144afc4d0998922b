# SPDX-License-Identifier: MIT
"""forkmon inside a container that has a pid namespace of its own, as in a CI job: it finds what it finds on the host,
with the numbers that the container's user knows."""

import contextlib
import json
import shlex
import signal
from pathlib import Path

import pytest

from harness import FORKMON, UPROBE_EVENTS, Agent, Running, check_truths, findings_in, forkmon, json_lines, run
from harness import wait_until, workload
from oci_container import Container, overlay
from stuck_harness import check_deadlock, findings_so_far

CAPABILITIES = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"]


def as_privileged(config):
    """What `docker run --privileged` gives, as far as forkmon needs it."""
    config["process"]["capabilities"] = {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")}
    config["mounts"] += [{"destination": "/sys", "type": "sysfs", "source": "sysfs"},
                         {"destination": "/sys/kernel/tracing", "type": "tracefs", "source": "tracefs"},
                         {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]


@pytest.fixture
def inside(tmp_path):
    """inside(SCRIPT): the command that runs this shell script in a container. Its root is the host's, its own
    /results is this test's `results`."""
    results = tmp_path / "results"
    results.mkdir()

    def with_results(config):
        as_privileged(config)
        config["mounts"].append({"destination": "/mnt", "type": "none", "source": str(results),
                                 "options": ["bind", "rw"]})

    with contextlib.ExitStack() as stack:
        root = stack.enter_context(overlay(tmp_path / "overlay", "/"))

        def command(script):
            container = Container(tmp_path, root, "/bin/sh", "-c", script, change=with_results,
                                  environment=["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            return stack.enter_context(container).command

        yield command


def trace(*arguments):
    return shlex.join([str(FORKMON), "--trace", "--format=json", "-o", "/mnt/findings.json", *arguments])


@pytest.mark.parametrize("name", ["malloc_1000", "threads_in_child", "grandchild"])
def test_command(inside, tmp_path, name):
    done = run(*inside(trace("--all", "--", workload(name))))
    assert done.returncode == 0, done.stderr
    check_truths(json_lines(done.stdout), findings_in(tmp_path / "results/findings.json"))


def test_process(inside, tmp_path):
    """By the number that it has in there; two processes fork at once, and only one is asked about."""
    script = f"""
        mkfifo /tmp/hold; {workload("hold_then_fork")} </tmp/hold & held=$!; exec 3>/tmp/hold
        {trace("--all", "-p")} $held 2>/tmp/log 3>&- & tracing=$!
        until grep -q watching /tmp/log; do sleep 0.1; done
        echo >&3; {workload("malloc_1000")} >&2; exec 3>&-; wait $tracing"""
    done = run(*inside(script))
    assert done.returncode == 0, done.stderr
    truths = [truth for truth in json_lines(done.stdout) if "child" in truth]
    assert truths, done.stdout
    check_truths(truths, findings_in(tmp_path / "results/findings.json"))


def test_deadlock(inside, tmp_path):
    """With the owner's number."""
    command = inside(trace("--", workload("deadlock_mutex")))
    output = tmp_path / "results/findings.json"
    with Running(command) as target:
        truth = target.first_line()
        [deadlock] = wait_until(lambda: [f for f in findings_so_far(output) if f["kind"] == "deadlock"], "it is found")
        check_deadlock(deadlock, truth)
        assert [frame["function"] for frame in deadlock["owner_stack"]], deadlock


def test_whole_system_is_the_container(inside, tmp_path):
    """Processes outside have no number there, and are nobody's finding."""
    script = f"""
        {trace("--all", "--probe=all")} 2>/tmp/log & tracing=$!
        until grep -q "the processes of this pid namespace" /tmp/log; do sleep 0.1; done
        echo ready; read -r outside_has_forked
        {workload("malloc_1000")}; kill -INT $tracing; wait $tracing"""
    with Running(inside(script)) as target:
        assert target.process.stdout.readline() == b"ready\n"
        run(workload("malloc_1000")).check_returncode()
        out, _ = target.process.communicate(b"\n", timeout=60)
    findings = findings_in(tmp_path / "results/findings.json")
    [truth] = json_lines(out.decode())
    assert {finding["child"]["pid"] for finding in findings} == {truth["child"]}


@pytest.mark.parametrize("options", [(), ("--probe=none",)])
def test_agent_of_the_whole_host(inside, options):
    """It would see next to nothing, and be taken for a host without findings."""
    done = run(*inside(shlex.join([str(FORKMON), *options])))
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "forkmon" in line]
    assert "docker --pid=host, Kubernetes hostPID: true" in line


def test_check_says_so(inside):
    done = run(*inside(f"{FORKMON} --check"))
    assert done.returncode == 0, done.stderr
    assert "of this pid namespace only" in done.stdout
    assert "of this pid namespace only" not in forkmon("--check").stdout


def test_proc_of_another_namespace(tmp_path):
    """Its numbers are those of other processes."""
    done = run("unshare", "--pid", "--fork", FORKMON, "--trace", "--", workload("malloc_1000"))
    assert done.returncode == 1
    assert "/proc is that of another pid namespace: mount one of this" in done.stderr


def test_events_of_a_killed_one(inside, tmp_path):
    """The host removes them once the container is gone, and not while it runs."""
    events_before = set(UPROBE_EVENTS.read_text().splitlines())

    def events():
        return set(UPROBE_EVENTS.read_text().splitlines()) - events_before

    script = f'{trace("--probe=all")} & read -r kill; kill -KILL $!; read -r end'
    with Running(inside(script)) as target:
        wait_until(lambda: (tmp_path / "results/findings.json").exists() and len(events()) > 100, "it has probes")
        its = events()
        assert forkmon("--check").returncode == 0
        assert events() >= its
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
        target.process.communicate(b"\n", timeout=60)
    wait_until(lambda: forkmon("--check").returncode == 0 and not events() & its, "they are removed", 20)
