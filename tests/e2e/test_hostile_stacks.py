# SPDX-License-Identifier: MIT
"""Stuck children made to break who looks at them: what is known is said, and forkmon lives on."""

import os
import random
import shutil
import struct
from pathlib import Path

import pytest

from harness import (FORKMON, Running, assert_printable, run, trace_command, workload)
from stuck_harness import (check_deadlock, check_killed, only_deadlock, trace_stuck,
                           wait_for_deadlock)

KINDS_OF_STACK = ["nowhere", "kernel", "unmapped", "guarded", "edge", "cycle", "filled-on-demand"]
ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")


def check_proven(tmp_path, *command, **options):
    """The proof does not rest on the stack: it is found whole, apart from its frames."""
    truth, session = trace_stuck(tmp_path, *command, **options)
    assert session.returncode == 0, session.stderr
    finding = only_deadlock(session)
    check_deadlock(finding, truth)
    check_killed(session, truth)
    assert_printable(session.stderr)
    return finding


@pytest.mark.parametrize("kind", KINDS_OF_STACK)
def test_stack_that_cannot_be_unwound(tmp_path, kind):
    check_proven(tmp_path, workload("deadlock_bad_stack"), kind)


def copy_of_workload(tmp_path):
    program = tmp_path / "program"
    shutil.copy(workload("deadlock_mutex"), program)
    return program


def section_size(program, name):
    lines = run("objdump", "-h", program).stdout.splitlines()
    [size] = [int(line.split()[2], 16) for line in lines if line.split()[1:2] == [name]]
    return size


@pytest.mark.parametrize("fill", ["zeros", "ones", "noise"])
def test_corrupt_unwind_tables(tmp_path, fill):
    program = copy_of_workload(tmp_path)
    for section in (".eh_frame", ".eh_frame_hdr"):
        size = section_size(program, section)
        contents = {"zeros": bytes(size), "ones": b"\xff" * size,
                    "noise": random.Random(3).randbytes(size)}[fill]
        (tmp_path / "contents").write_bytes(contents)
        update = f"{section}={tmp_path / 'contents'}"
        assert run("objcopy", "--update-section", update, program).returncode == 0
    check_proven(tmp_path, program)


def test_executable_of_two_gibibytes(tmp_path):
    program = copy_of_workload(tmp_path)
    os.truncate(program, 2 << 30)
    check_proven(tmp_path, program)


def change_sections(program, change):
    """Rewrites each section header: change(its fields as a list)."""
    data = bytearray(program.read_bytes())
    header = ELF_HEADER.unpack_from(data)
    start, count = header[6], header[12]
    for i in range(count):
        fields = list(SECTION.unpack_from(data, start + i * SECTION.size))
        change(fields)
        SECTION.pack_into(data, start + i * SECTION.size, *fields)
    program.write_bytes(data)


def test_sections_that_claim_two_gibibytes(tmp_path):
    program = copy_of_workload(tmp_path)

    def change(fields):
        if fields[1] in (1, 2, 3, 11):  # program data, symbols, strings, dynamic symbols
            fields[5] = (2 << 30) - fields[4]

    change_sections(program, change)
    os.truncate(program, 2 << 30)
    check_proven(tmp_path, program)


@pytest.mark.parametrize("value", [0, 1, 0x7fffffffffffffff, 0xffffffffffffffff])
def test_sections_that_lie_outside_of_the_file(tmp_path, value):
    program = copy_of_workload(tmp_path)

    def change(fields):
        fields[4] = fields[5] = fields[9] = value

    change_sections(program, change)
    check_proven(tmp_path, program)


def test_executable_deleted_while_it_runs(tmp_path):
    program = copy_of_workload(tmp_path)
    check_proven(tmp_path, program, meanwhile=lambda truth: program.unlink())


def test_executable_replaced_by_a_pipe(tmp_path):
    """Whoever opens its path waits for ever."""
    program = copy_of_workload(tmp_path)

    def replace(truth):
        program.unlink()
        os.mkfifo(program)

    check_proven(tmp_path, program, meanwhile=replace)


def test_jit_map_that_is_a_pipe(tmp_path):
    maps = []

    def make(truth):
        maps.append(Path(f"/tmp/perf-{truth['stuck']}.map"))
        os.mkfifo(maps[0])

    try:
        check_proven(tmp_path, workload("deadlock_mutex"), meanwhile=make)
    finally:
        maps[0].unlink()


def test_hostile_name_of_the_owner_in_json(tmp_path):
    finding = check_proven(tmp_path, workload("deadlock_mutex"), "hostile")
    assert finding["owner"]["comm"]
    assert_printable((tmp_path / "findings.json").read_text(encoding="utf-8"))


def test_hostile_name_of_the_owner_in_table(tmp_path):
    with Running([FORKMON, "--trace", "--", workload("deadlock_mutex"), "hostile"],
                 errors_to=tmp_path / "stderr") as traced:
        truth = traced.first_line()
        owner = str(truth["owner"]["tid"])
        wait_for_deadlock(traced, lambda: owner in traced.stderr())
        traced.go_on()
        assert owner in traced.stderr()
        assert_printable(traced.stderr())


def test_processes_that_end_while_they_are_looked_at(tmp_path):
    session = trace_command(tmp_path, workload("deadlocks_that_end"), 200)
    assert session.returncode == 0, session.stderr
    assert session.truths() == [{"killed": 200}]
    assert_printable(session.stderr)
    ends = [finding["child"]["pid"] for finding in session.of_kind("child")]
    assert len(ends) == len(set(ends)) == 200
    found = session.of_kind("deadlock")
    assert {finding["child"]["pid"] for finding in found} <= set(ends)
    assert all(finding["proof"] for finding in found)
