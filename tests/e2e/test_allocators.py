# SPDX-License-Identifier: MIT
"""The allocator and the C library that a process really uses: counts equal the workload's own."""

from pathlib import Path

import pytest

from harness import TIMEOUT, Running, Trace, check_truths, trace_command, workload
from own_libraries import (ALLOCATORS, C_LIBRARIES, chroot_with, compiled, linked_with)

UNSHARE = ("unshare", "--mount", "chroot")


def libraries_called(findings):
    """Names of the files that malloc was called in."""
    return {Path(finding["library"]).name for finding in findings
            if finding["kind"] == "unsafe_call" and finding["function"] == "malloc"}


def trace_held(tmp_path, *command):
    """`--trace -p` of hold_then_fork, run by `command`."""
    with Running(command) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())
            return trace.findings()


def trace_malloc_1000(tmp_path, *command):
    """`--trace -- COMMAND`, which runs malloc_1000."""
    session = trace_command(tmp_path, *command)
    assert session.returncode == 0, session.stderr
    check_truths(session.truths(), session.findings)
    return session.findings


# How it is watched, and the workload that goes with it.
SESSIONS = {"-p": (trace_held, "hold_then_fork"), "command": (trace_malloc_1000, "malloc_1000")}


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_preloaded(tmp_path, allocator, session):
    trace, program = SESSIONS[session]
    library = ALLOCATORS[allocator]
    findings = trace(tmp_path, "env", f"LD_PRELOAD={library}", workload(program))
    assert libraries_called(findings) == {library.resolve().name}


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_linked(tmp_path, allocator, session):
    trace, program = SESSIONS[session]
    findings = trace(tmp_path, linked_with(tmp_path, program, allocator))
    assert libraries_called(findings) == {ALLOCATORS[allocator].resolve().name}


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize("libc", C_LIBRARIES)
def test_c_library(tmp_path, libc, session):
    trace, program = SESSIONS[session]
    findings = trace(tmp_path, compiled(tmp_path, program, *C_LIBRARIES[libc]))
    assert libraries_called(findings) == {program if "-static" in C_LIBRARIES[libc] else "libc.so"}


def test_chroot_with_its_own_libc_in_a_mount_namespace(tmp_path):
    root = chroot_with(tmp_path, workload("hold_then_fork"))
    findings = trace_held(tmp_path, *UNSHARE, root, "/hold_then_fork")
    assert libraries_called(findings) == {"libc.so.6"}


def test_command_that_enters_a_chroot_in_a_mount_namespace(tmp_path):
    root = chroot_with(tmp_path, workload("malloc_1000"))
    findings = trace_malloc_1000(tmp_path, *UNSHARE, root, "/malloc_1000")
    assert libraries_called(findings) == {"libc.so.6"}


def test_libc_that_is_replaced_while_its_process_runs(tmp_path):
    root = chroot_with(tmp_path, workload("hold_then_fork"))
    [libc] = root.rglob("libc.so.6")
    with Running(["chroot", root, "/hold_then_fork"]) as target:
        pid = target.first_line()["pid"]
        new = libc.with_name("new")
        new.write_bytes(b"not a library")
        new.rename(libc)
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())


ALLOCATES_IN_A_CHILD = """
import os, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
child = os.fork()
if child == 0:
    kept = [object() for _ in range(1000)]
    os._exit(0)
os.waitpid(child, 0)
"""


def test_python_under_jemalloc(tmp_path):
    session = trace_command(tmp_path, "env", f"LD_PRELOAD={ALLOCATORS['jemalloc']}",
                            "PYTHONMALLOC=malloc", "/usr/bin/python3", "-c", ALLOCATES_IN_A_CHILD)
    assert session.returncode == 0, session.stderr
    assert libraries_called(session.findings) == {ALLOCATORS["jemalloc"].resolve().name}
    [end] = [finding for finding in session.findings if finding["kind"] == "child"]
    assert end["exact"] is True
    assert end["calls"]["malloc"] >= 1000
    [call] = [finding for finding in session.of_kind("unsafe_call")
              if finding["function"] == "malloc"]
    assert call["protected"] is True and call["severity"] == "warning"
