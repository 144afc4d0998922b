# SPDX-License-Identifier: MIT
"""Libraries that a process maps after it was armed, and files that are none."""

import json
import signal
from pathlib import Path

import pytest

from harness import (FORKMON, TIMEOUT, Agent, Running, Trace, by_child, check_children, check_truths, run,
                     trace_command, wait_until, workload)
from own_libraries import ALLOCATORS, C_LIBRARIES, compiled, library
from silent_file_system import SilentFileSystem
from stuck_harness import findings_so_far

LIBPQ = "void PQexec(void) { __asm__ volatile(\"\"); }\n"
A_WHILE = 1_000_000  # microseconds: long enough for forkmon to have looked


def held_dlopen(tmp_path, wait_us):
    return [workload("dlopen_then_fork"), library(tmp_path, LIBPQ, "libpq.so.5"), wait_us]


def test_library_that_a_running_process_loads(tmp_path):
    with Running(held_dlopen(tmp_path, A_WHILE)) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())
            [call] = [f for f in trace.findings() if f["kind"] == "unsafe_call"]
            assert call["category"] == "database"
            assert call["library"] == str(tmp_path / "libpq.so.5")


def test_library_that_a_command_loads_is_probed_before_its_code_runs(tmp_path):
    session = trace_command(tmp_path, *held_dlopen(tmp_path, 0), input="x")
    assert session.returncode == 0, session.stderr
    truths = [truth for truth in session.truths() if "child" in truth]
    check_truths(truths, session.findings)


def test_child_that_may_have_been_forked_too_early_is_not_exact(tmp_path):
    with Running(held_dlopen(tmp_path, 0)) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid, "--all") as trace:
            [truth] = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            child = by_child(trace.findings())[truth["child"]]
            assert child.calls().get("PQexec", 0) <= 3
            if child.calls() != truth["calls"]:
                assert child.end["exact"] is False


def test_library_that_is_loaded_after_the_first_look_where_everybody_is_armed(tmp_path):
    file = library(tmp_path, LIBPQ, "libpq.so.5")
    with Trace(tmp_path, "--probe=all", "--all", "--exe=dlopen_between") as trace, \
            Running([workload("dlopen_between"), file]) as target:
        child = target.first_line()["child"]
        wait_until(lambda: end_of(trace, child), "it is looked at")
        assert target.next_truth() == {"loaded": True}
        truths = [target.next_truth() for _ in range(3)]
        ends = [wait_until(lambda: end_of(trace, truth["child"]), "its end is told")
                for truth in truths]
        truths.append(target.next_truth())  # by now the library is known
        ends.append(wait_until(lambda: end_of(trace, truths[-1]["child"]), "its end is told"))
        assert all(end["calls"] == truth["calls"] if end["exact"] else end["inexact_reason"]
                   for truth, end in zip(truths, ends)), ends
        assert ends[-1]["exact"], ends


def end_of(trace, pid):
    return next((f for f in findings_so_far(trace.output)
                 if f["kind"] == "child" and f["child"]["pid"] == pid), None)


def test_process_that_ended_before_it_was_looked_at_is_not_exact_where_everybody_is_armed(tmp_path):
    """Others of its program may have had other libraries."""
    with Trace(tmp_path, "--probe=all", "--all", "--exe=child_per_byte") as trace:
        with Running([workload("child_per_byte")]) as seen:
            seen.first_line()
            known = seen.next_truth()["child"]
            wait_until(lambda: end_of(trace, known), "it is looked at")
        trace.process.send_signal(signal.SIGSTOP)
        done = run(workload("child_per_byte"), input="x")
        trace.process.send_signal(signal.SIGCONT)
        [truth] = [truth for truth in map(json.loads, done.stdout.splitlines()) if "child" in truth]
        end = wait_until(lambda: end_of(trace, truth["child"]), "its end is told")
        assert end_of(trace, known)["exact"]
        assert not end["exact"] and "ended before it could be looked at" in end["inexact_reason"]


def test_programs_that_a_shell_starts_with_other_allocators_and_c_libraries(tmp_path):
    """None of them was known when the program started, and all were when it forked."""
    held = workload("hold_then_fork")
    musl = compiled(tmp_path, "hold_then_fork", *C_LIBRARIES["musl"])
    commands = [f"LD_PRELOAD={ALLOCATORS['jemalloc']} {held}", musl, held]
    script = "; ".join(f"(sleep 1; echo) | {command}" for command in commands)
    session = trace_command(tmp_path, "sh", "-c", script)
    truths = [truth for truth in session.truths() if "child" in truth]
    assert len(truths) == 3
    check_truths(truths, session.findings)


def test_agent_probes_what_a_suspect_has_mapped(tmp_path):
    program = compiled(tmp_path, "suspect", "gcc", "-Wl,--no-as-needed", str(ALLOCATORS["mimalloc"]))
    with Agent(tmp_path) as agent, Running([program]) as target:
        target.first_line()
        wait_until(lambda: agent.metric("armed_families") >= 1, "the suspect is armed")
        truths = target.go_on()
        wait_until(lambda: agent.metric("children_total", exe="suspect") >= 11, "all have ended")
        findings = [f for f in agent.findings() if f["kind"] == "unsafe_call"]
        assert {Path(f["library"]).name for f in findings
                if f["child"]["pid"] in {t["child"] for t in truths}} == {
                    ALLOCATORS["mimalloc"].resolve().name}


def test_programs_of_one_executable_with_other_libraries(tmp_path):
    """With probes everywhere, what the first one has loaded is not all that the next ones have."""
    programs = [[workload("suspect")],
                ["env", f"LD_PRELOAD={ALLOCATORS['jemalloc']}", workload("suspect")]]
    with Trace(tmp_path, "--probe=all") as trace:
        truths = []
        for program in programs:
            with Running(program) as target:
                first = target.first_line()["first"]
                wait_until(lambda: not Path(f"/proc/{first}/cwd").exists(), "the first child ends")
                truths += target.go_on()
        assert trace.end() == 0
        check_children(truths, trace.findings())


MAPS_FILE = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
area = mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
print("{}", flush=True)
sys.stdin.read(1)
"""


@pytest.mark.parametrize("name", ["no library", "two\nlines", "control \x1b[31m"])
def test_files_that_are_no_libraries_cost_one_line(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b"\x7fELF" + b"x" * 8192)
    with Running(["/usr/bin/python3", "-c", MAPS_FILE, file]) as target:
        target.first_line()
        with Trace(tmp_path, "-p", target.pid) as trace:
            lines = [line for line in trace.stderr().splitlines() if "not watched" in line]
            assert len(lines) == 1, trace.stderr()
            assert "\x1b" not in lines[0]
            assert target.go_on() == []
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()




def test_file_system_that_does_not_answer_holds_nobody_up(tmp_path):
    folder = tmp_path / "mount"
    folder.mkdir()
    with SilentFileSystem(folder) as mounted:
        with Running(["/usr/bin/python3", "-c", MAPS_FILE, mounted.file]) as target:
            target.first_line()
            mounted.is_silent = True
            with Trace(tmp_path, "-p", target.pid) as trace:
                [line] = [li for li in trace.stderr().splitlines() if "not watched" in li]
                assert "may not answer" in line
                checked = run(FORKMON, "--check", "-p", target.pid)
                assert "may not answer" in checked.stdout
                assert trace.end() == 0, trace.stderr()
            mounted.is_silent = False
            target.end(signal.SIGKILL)
