# SPDX-License-Identifier: MIT
"""forkmon as its pod runs it (a root of its own, read-only, with the pod's capabilities and the host's
pid namespace) watches a program in another root: as two containers of one node."""

import contextlib
import re
import shutil
import urllib.request

import pytest
import yaml

from harness import (ROOT, TIMEOUT, Running, check_truths, free_port, json_lines, run, wait_until,
                     workload)


@pytest.fixture(scope="module")
def capabilities():
    """Those of the DaemonSet."""
    daemon_set = yaml.safe_load((ROOT / "deploy/kubernetes/base/daemonset.yaml").read_text())
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
    return container["securityContext"]["capabilities"]["add"]


@pytest.fixture
def other(tmp_path):
    """The command line of a workload in a root with a C library of its own: another file than the
    host's and forkmon's, and one that no path of theirs names."""
    root = tmp_path / "other"
    program = workload("hold_then_fork")
    libraries = [word for word in run("ldd", program).stdout.split() if word.startswith("/")]
    for library in libraries:
        copy = root / library.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copy)
    shutil.copy(program, root / "program")
    return ["unshare", "--mount", "chroot", root, "/program"]


def test_calls_into_the_library_of_another_container(installed, other, capabilities, tmp_path):
    with Running(other) as target:
        pid = target.first_line()["pid"]
        command = installed.contained(capabilities, "forkmon", "--trace", "--format=json", "-p", pid)
        with Running(command, errors_to=tmp_path / "stderr") as trace:
            wait_until(lambda: "forkmon: watching" in trace.stderr(), "forkmon watches")
            truths = target.go_on()
            found, _ = trace.process.communicate(timeout=TIMEOUT)
            assert trace.process.returncode == 0, trace.stderr()
    check_truths(truths, json_lines(found.decode()))


def test_check_reads_the_library_of_another_container(installed, other, capabilities):
    with Running(other) as target:
        pid = target.first_line()["pid"]
        done = run(*installed.contained(capabilities, "forkmon", "--check", "-p", pid))
        target.go_on()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing" not in done.stdout
    assert "provider    glibc" in done.stdout, done.stdout


def test_agent_serves_metrics_of_other_containers(installed, other, capabilities, tmp_path):
    url = f"http://127.0.0.1:{free_port()}/metrics"
    command = installed.contained(capabilities, "forkmon", "--probe=all",
                                  f"--listen={url.split('/')[2]}")

    def metrics():
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return answer.read().decode()
        return ""

    with Running(command, errors_to=tmp_path / "stderr") as agent:
        wait_until(lambda: 'forkmon_sensor_active{sensor="probes"} 1' in metrics(), "it serves")
        with Running(other) as target:
            target.first_line()
            target.go_on()
        wait_until(lambda: re.search(r'tainted_forks_total\{exe="[^"]*/program"', metrics()),
                   "the fork is counted")
        assert agent.end() == 0, agent.stderr()
