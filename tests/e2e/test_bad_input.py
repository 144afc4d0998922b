# SPDX-License-Identifier: MIT
"""What goes wrong around forkmon: one clear line and the right status, or a right finding."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from harness import (FORKMON, TIMEOUT, Running, Trace, assert_one_line, assert_printable,
                     check_truths, findings_in, forkmon, json_lines, run, trace_command,
                     wait_until, workload)

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
WITHOUT_BPF = ("setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin")
MODES = [[], ["--trace"], ["--trace", "--", "true"]]
LIBC = Path("/lib/x86_64-linux-gnu/libc.so.6")


@pytest.mark.parametrize("mode", MODES)
def test_not_root(mode):
    assert_one_line(run(*AS_NOBODY, FORKMON, *mode), 1, r"root|CAP_")


@pytest.mark.parametrize("mode", MODES)
def test_capability_missing(mode):
    assert_one_line(run(*WITHOUT_BPF, FORKMON, *mode), 1, r"root|CAP_")


def test_check_without_privilege_says_why_not():
    done = run(*AS_NOBODY, FORKMON, "--check")
    assert done.returncode == 1
    assert_printable(done.stdout + done.stderr)
    assert re.search(r"root|CAP_", done.stdout + done.stderr)


def without(folder, *command):
    """Runs a command in a mount namespace where that folder is empty."""
    hide = f'mount -t tmpfs none {folder} && exec "$@"'
    return run("unshare", "-m", "sh", "-c", hide, "sh", *command)


@pytest.mark.parametrize("mode", MODES)
def test_no_btf(mode):
    assert_one_line(without("/sys/kernel/btf", FORKMON, *mode), 1, "BTF")


def test_no_tracefs():
    hide = "umount -a -t tracefs,debugfs; exec \"$@\""
    mode = ["--trace", "--probe=all", "--", "true"]
    done = run("unshare", "-m", "sh", "-c", hide, "sh", FORKMON, *mode)
    assert_one_line(done, 1, "tracefs")


def test_tracefs_that_is_read_only():
    """As most container runtimes mount it."""
    mount = 'mount -o remount,bind,ro /sys/kernel/tracing; exec "$0" "$@"'
    enter = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", mount, FORKMON)
    way_out = "Read-only file system: mount -o remount,rw /sys/kernel/tracing"
    assert_one_line(run(*enter, "--trace", "--", "true"), 1, re.escape(way_out))
    check = run(*enter, "--check")
    assert check.returncode == 0, check.stderr
    assert re.search(rf"^probes +missing .*{way_out}", check.stdout, re.MULTILINE), check.stdout


def test_check_names_what_is_missing():
    done = without("/sys/kernel/btf", FORKMON, "--check")
    assert done.returncode == 1
    assert "BTF" in done.stdout


def test_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_line(forkmon("--listen", f"127.0.0.1:{port}"), 1, str(port))


def test_pid_of_no_process():
    child = subprocess.Popen(["true"])
    child.wait()
    assert_one_line(forkmon("--trace", "-p", child.pid), 1, f"no process|{child.pid}")


def test_pid_of_a_kernel_thread():
    assert_one_line(forkmon("--trace", "-p", 2), 1, "kernel thread")


def test_pid_that_ends_while_it_is_armed():
    """Targets that end at once, a little later each time: gone, or watched to their end."""
    for delay in range(25):
        with Running(["sleep", f"0.{delay:02}"]) as target:
            done = forkmon("--trace", "-p", target.pid)
            assert done.returncode in (0, 1), done.stderr
            assert_printable(done.stderr)
            if done.returncode == 1:
                assert_one_line(done, 1, str(target.pid))


def test_output_to_a_full_disk():
    """Said once, however many findings there are; the command still runs to its end."""
    done = forkmon("--trace", "--format", "json", "-o", "/dev/full", "--", workload("many_forks"))
    assert len(json_lines(done.stdout)) == 100
    assert_printable(done.stderr)
    assert len(re.findall("/dev/full: No space left on device", done.stderr)) == 1, done.stderr
    assert done.returncode == 0, "it is the command's"


def test_output_of_the_system_to_a_full_disk(tmp_path):
    with Running([FORKMON, "--trace", "--probe=all", "--format", "json", "-o", "/dev/full"],
                 errors_to=tmp_path / "stderr") as trace:
        wait_until(lambda: "watching" in trace.stderr(), "forkmon says that it watches")
        run(workload("malloc_1000"))
        assert trace.process.wait(TIMEOUT) == 1
        assert len(re.findall("No space left on device", trace.stderr())) == 1, trace.stderr()


def test_output_that_cannot_be_opened():
    done = forkmon("--trace", "-o", "/nonexistent/file", "--", "true")
    assert_one_line(done, 1, "/nonexistent/file")


def test_stdout_is_a_closed_pipe(tmp_path):
    """A reader that has seen enough ends the trace quietly; the command runs to its end."""
    errors = tmp_path / "stderr"
    script = f"""
        {{ {FORKMON} --trace --format json -o /dev/fd/3 -- {workload('many_forks')} 300 \
           3>&1 >{tmp_path}/truths 2>{errors}; echo $? >{tmp_path}/status; }} | head -1
    """
    done = run("sh", "-c", script)
    assert len(json_lines(done.stdout)) == 1
    assert len(json_lines((tmp_path / "truths").read_text())) == 300
    assert int((tmp_path / "status").read_text()) < 128
    assert_printable(errors.read_text())


def test_stdout_closed():
    done = run("sh", "-c", f"{FORKMON} --check >&-")
    assert done.returncode in (0, 1)


def test_hostile_comm_in_json(tmp_path):
    session = trace_command(tmp_path, workload("comm_hostile"))
    check_truths(session.truths(), session.findings)
    assert_printable((tmp_path / "findings.json").read_text(encoding="utf-8"))
    assert all(finding["parent"]["comm"] for finding in session.findings)


def test_hostile_comm_in_table():
    done = forkmon("--trace", "--", workload("comm_hostile"))
    assert done.returncode == 0
    assert_printable(done.stderr)
    assert "malloc" in done.stderr


def test_hostile_path_in_table(tmp_path):
    program = tmp_path / "ev\x1b[31mil\nname"
    shutil.copy(workload("malloc_1000"), program)
    done = forkmon("--trace", "--", program)
    assert done.returncode == 0
    assert_printable(done.stderr)


def test_libc_replaced_while_in_use(tmp_path):
    """The process maps a file whose name now stands for another one: its own is probed."""
    library = tmp_path / "libc.so.6"
    shutil.copy(LIBC, library)
    environment = dict(os.environ, LD_LIBRARY_PATH=str(tmp_path))
    with Running([workload("hold_then_fork")], env=environment) as target:
        pid = target.first_line()["pid"]
        assert str(library) in Path(f"/proc/{pid}/maps").read_text()
        shutil.copy(LIBC, tmp_path / "new")
        (tmp_path / "new").rename(library)
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())


def test_findings_file_is_not_left_half_written(tmp_path):
    """The command is killed by its own signal: all that was found is in the file."""
    session = trace_command(tmp_path, "sh", "-c", f"{workload('malloc_1000')}; kill -9 $$")
    assert session.returncode == 128 + 9
    check_truths(session.truths(), findings_in(tmp_path / "findings.json"))
