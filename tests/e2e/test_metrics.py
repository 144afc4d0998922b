# SPDX-License-Identifier: MIT
"""What the agent exports: its form, its bounds, containers, and names made to break labels."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import (ROOT, Agent, Running, assert_printable, json_lines, run, wait_until, workload)

CGROUPS = Path("/sys/fs/cgroup")
CONTAINER = "0123456789abcdef" * 4
SERIES = re.compile(r'^(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def series(text):
    """[(name, labels, value)] of an exposition; every line is one, or a comment."""
    found = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SERIES.match(line)
        assert match, line
        labels = match["labels"] or ""
        assert LABEL.sub("", labels) == "", f"labels that are none: {line}"
        found.append((match["name"], dict(LABEL.findall(labels)), float(match["value"])))
    return found


def counted(agent, program):
    wait_until(lambda: agent.metric("children_total", exe=program) >= 1, f"{program} is counted")


def test_promtool_finds_nothing(tmp_path):
    stuck, calls = workload("deadlock_mutex"), workload("malloc_then_exec")
    with Agent(tmp_path, "--probe=all") as agent, Running([stuck]):
        run(calls)
        counted(agent, calls)
        wait_until(lambda: agent.metric("deadlocked_children", exe=stuck) == 1,
                   "the deadlock is proven")
        done = subprocess.run(["promtool", "check", "metrics"], input=agent.metrics_text(),
                              capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_served_is_in_the_reference(tmp_path):
    """Names, types and labels as the tables of docs/metrics.md have them."""
    reference = {}
    for row in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(),
                          re.MULTILINE):
        reference[row[0]] = row[1], set(re.findall(r"`(\w+)`", row[2]))
    with Agent(tmp_path, "--probe=all") as agent:
        run(workload("malloc_then_exec"))
        counted(agent, workload("malloc_then_exec"))
        text = agent.metrics_text()
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    assert set(types) <= set(reference)
    assert all(reference[name][0] == kind for name, kind in types.items())
    for name, labels, _ in series(text):
        if name in types:
            assert set(labels) == reference[name][1], name


def test_error_of_the_output_is_counted(tmp_path):
    with Agent(tmp_path, "--probe=none", "--all", "-o", "/dev/full", output=None) as agent:
        assert agent.metric("errors_total", component="output") == 0
        run(workload("malloc_1000"))
        wait_until(lambda: agent.metric("errors_total", component="output") == 1, "it is counted")
        wait_until(lambda: agent.metric("last_error_timestamp_seconds") > 1.7e9, "it has a time")


def test_bound_of_executables(tmp_path):
    """Of five programs two keep series of their own; the sum is that of all."""
    programs = [tmp_path / f"program{i}" for i in range(5)]
    for program in programs:
        shutil.copy(workload("malloc_1000"), program)
    mine = f"{tmp_path}/*"
    with Agent(tmp_path, "--probe=all", "--max-label-values=2", "--exe", mine) as agent:
        for program in programs:
            run(program)
            counted(agent, str(program))
        own = {labels["exe"] for name, labels, _ in series(agent.metrics_text())
               if name == "forkmon_tainted_forks_total"}
        assert own == {str(programs[3]), str(programs[4]), "other"}
        assert agent.metric("tainted_forks_total") == 5
        assert agent.metric("unsafe_calls_total", function="malloc") + \
            agent.metric("unsafe_calls_total", function="other") >= 2000
        wait_until(lambda: agent.metric("label_overflow_total",
                                        metric="forkmon_tainted_forks_total") == 3, "it is counted")


@contextmanager
def cgroup(path):
    """A cgroup of v2, or of systemd's hierarchy or the first of v1, where these are."""
    roots = [root for root in (CGROUPS, CGROUPS / "unified", CGROUPS / "systemd",
                               *sorted(CGROUPS.glob("*")))
             if (root / "cgroup.procs").exists() and os.access(root, os.W_OK)]
    if not roots:
        pytest.skip("no cgroup hierarchy that can be written to")
    made = []
    folder = roots[0]
    for part in path.split("/"):
        folder = folder / part
        if not folder.exists():
            folder.mkdir()
            made.append(folder)
    try:
        yield folder
    finally:
        for one in reversed(made):
            wait_until(lambda one=one: remove(one), "the cgroup is empty")


def remove(folder):
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("path, runtime", [
    (f"system.slice/docker-{CONTAINER}.scope", "docker"),
    (f"kubepods.slice/kubepods-pod1.slice/cri-containerd-{CONTAINER}.scope", "containerd"),
    (f"machine.slice/libpod-{CONTAINER}.scope/container", "podman"),
    (f"kubepods.slice/kubepods-pod1.slice/crio-{CONTAINER}.scope", "cri-o"),
])
def test_container_label(tmp_path, path, runtime):
    with cgroup(path) as folder, Agent(tmp_path, "--probe=all") as agent:
        join = f"echo $$ >{folder}/cgroup.procs && exec {workload('malloc_1000')}"
        [truth] = json_lines(run("sh", "-c", join).stdout)
        exe = workload("malloc_1000")
        counted(agent, exe)
        uri = f"{runtime}://{CONTAINER}"
        assert agent.metric("tainted_forks_total", exe=exe, container_id=uri) == 1
        assert agent.metric("unsafe_calls_total", exe=exe, container_id=uri,
                            function="malloc") == 1000
        found = [f for f in agent.findings() if f.get("child", {}).get("pid") == truth["child"]]
        assert found and all(f["container"] == CONTAINER for f in found)


def test_no_container_on_the_host(tmp_path):
    with cgroup("forkmon.slice/forkmon-test.service") as folder, \
            Agent(tmp_path, "--probe=all") as agent:
        exe = workload("malloc_1000")
        run("sh", "-c", f"echo $$ >{folder}/cgroup.procs && exec {exe}")
        counted(agent, exe)
        containers = [labels["container_id"] for name, labels, _ in series(agent.metrics_text())
                      if name == "forkmon_tainted_forks_total" and labels["exe"] == exe]
        assert "" in containers


@pytest.mark.parametrize("name", [
    'quote"} 1', "line\nforkmon_ready 0\n", "back\\slash\\", "{{ .Labels.exe }}{{ end }}",
    "\x1b]0;title\x07\x1b[31m", b"in\xffvalid\xc3", "\u202egnp.exe", "<script>alert(1)</script>",
    "x" * 250])
def test_names_made_to_break_labels(tmp_path, name):
    program = os.path.join(os.fsencode(tmp_path), os.fsencode(name).replace(b"/", b"_"))
    shutil.copy(workload("malloc_1000"), program)
    with Agent(tmp_path, "--probe=all") as agent:
        done = subprocess.run([program], capture_output=True, check=True)
        [truth] = json_lines(done.stdout.decode())
        marker = tmp_path.name
        wait_until(lambda: agent.metric("children_total", exe=marker) == 1, "it is counted")
        text = agent.metrics_text()
        assert_printable(text)
        assert sum(value for metric, labels, value in series(text)
                   if metric == "forkmon_tainted_forks_total" and marker in labels["exe"]) == 1
        assert len(re.findall(r"^forkmon_ready ", text, re.MULTILINE)) == 1
        page = agent.get("/").read().decode("utf-8", errors="strict")
        assert_printable(page)
        assert "<script" not in page
        assert truth["child"] in {f["child"]["pid"] for f in agent.findings() if "child" in f}
