# SPDX-License-Identifier: MIT
"""forkmon in a root of its own watches a program in another: as two containers of one host."""

import shutil

import pytest

from harness import TIMEOUT, Running, check_truths, findings_in, run, wait_until, workload

FILES = "forkmon: watching"


@pytest.fixture
def other_container(tmp_path):
    """A root with a workload and a C library of its own, which has no other name on the host."""
    root = tmp_path / "other"
    program = workload("hold_then_fork")
    for line in run("ldd", program).stdout.splitlines():
        for word in line.split():
            if word.startswith("/"):
                (root / word.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(word, root / word.lstrip("/"))
    shutil.copy(program, root / "program")
    return root


def test_libraries_of_another_container_are_probed(installed, other_container, tmp_path):
    errors = tmp_path / "stderr"
    command = ["unshare", "--mount", "chroot", other_container, "/program"]
    with Running(command) as target:
        pid = target.first_line()["pid"]
        trace_command = installed.command("forkmon", "--trace", "--format=json", "-o",
                                          "/tmp/findings", "-p", pid)
        with Running(trace_command, errors_to=errors) as trace:
            wait_until(lambda: FILES in trace.stderr(), "forkmon watches")
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
    check_truths(truths, findings_in(installed.path("/tmp/findings")))
    installed.path("/tmp/findings").unlink()


def test_check_names_the_libraries_of_another_container(installed, other_container):
    with Running(["unshare", "--mount", "chroot", other_container, "/program"]) as target:
        pid = target.first_line()["pid"]
        done = installed.checked("forkmon", "--check", "-p", str(pid))
        target.go_on()
    assert "provider    glibc" in done.stdout, done.stdout
