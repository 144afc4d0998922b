# SPDX-License-Identifier: MIT
"""Exact means exact: what a child carried from its fork on, and why its counts are "at least"."""

import os
import re
import signal
import struct
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from harness import Agent, Running, Trace, by_child, run, trace_command, wait_until, workload
from own_libraries import I386, compiled, library
from stuck_harness import findings_so_far

ALLOCATED = {"malloc": 10, "free": 10}


class Family(Running):
    """A suspect, and a child of it that lives and forks when it is told."""

    def __init__(self, agent):
        self.agent = agent
        super().__init__([workload("grandchild_later")])
        self.pid = self.first_line()["pid"]
        wait_until(lambda: agent.metric("armed_families") == 1, "the suspect is armed")
        wait_until(lambda: agent.metric("children_total", exe="grandchild_later") == 1, "first ended")
        self.living = self.send("c") and self.first_line()["living"]

    def send(self, command):
        self.process.stdin.write(command.encode())
        self.process.stdin.flush()
        return True

    def grandchild(self):
        """What was found about the next child of the child."""
        known = len(self.grandchildren())
        os.kill(self.living, signal.SIGUSR1)
        return wait_until(lambda: self.grandchildren()[known:], "it has ended")[0]

    def grandchildren(self):
        return [finding for finding in self.agent.findings()
                if finding["kind"] == "child" and finding["parent"]["pid"] == self.living]

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            os.kill(self.living, signal.SIGKILL)
        super().__exit__()


def test_grandchildren_are_exact_while_the_family_carries_probes(tmp_path):
    with Agent(tmp_path, "--all") as agent, Family(agent) as family:
        found = family.grandchild()
        assert found["exact"] and found["calls"] == ALLOCATED and found["inexact_reason"] is None


def test_grandchildren_are_not_exact_once_the_budget_took_probes_off_and_are_when_they_are_back(
        tmp_path):
    with Agent(tmp_path, "--all") as agent, Family(agent) as family:
        family.send("a")
        wait_until(lambda: agent.metric("probe_disarms_total", tier="hot", reason="budget") >= 1,
                   "its budget is spent")
        family.send("b")
        found = family.grandchild()
        assert not found["exact"]
        assert "budget" in found["inexact_reason"]
        wait_until(lambda: agent.metric("probe_rearms_total", tier="hot") >= 1, "it is paid again")
        wait_until(lambda: agent.metric("workers_armed_total") >= 1, "so has the living child")
        found = family.grandchild()
        assert found["exact"] and found["calls"] == ALLOCATED, found


def test_grandchildren_are_not_exact_once_the_family_called_exec(tmp_path):
    with Agent(tmp_path, "--all") as agent, Family(agent) as family:
        family.send("e")
        wait_until(lambda: agent.metric("armed_families") == 0, "it is let go")
        found = family.grandchild()
        assert not found["exact"]
        assert found["inexact_reason"]


def test_grandchildren_whose_family_has_ended_are_as_they_were(tmp_path):
    """The probes stay while somebody needs them."""
    with Agent(tmp_path, "--all") as agent, Family(agent) as family:
        family.process.stdin.close()
        assert family.process.wait(60) == 0
        found = family.grandchild()
        assert found["calls"] == ALLOCATED if found["exact"] else found["inexact_reason"]


def test_forks_that_are_under_way_when_their_process_is_armed_are_not_exact(tmp_path):
    with Agent(tmp_path, "--probe-budget=100", "--exe=large_parent") as agent:
        with Running([workload("large_parent")]):
            wait_until(lambda: len(exact_ones(agent)) > 20, "it is armed")
        assert agent.end(signal.SIGTERM) == 0
        assert all(end["calls"] == ALLOCATED for end in exact_ones(agent)), exact_ones(agent)


def exact_ones(agent):
    return [finding for finding in findings_so_far(agent.output)
            if finding["kind"] == "child" and finding["exact"]]


def children_of(session):
    return [child.end for child in by_child(session.findings).values() if child.end]


def test_hits_that_cannot_be_matched_are_said(tmp_path):
    session = trace_command(tmp_path, workload("mmap_lock_taken"), options=["--all"])
    assert session.returncode == 0, session.stderr
    unresolved = [end for end in children_of(session) if end["unresolved_hits"] > 0]
    assert unresolved, "the lock was never taken"
    hits = sum(end["unresolved_hits"] for end in unresolved)
    assert f"{hits} hits of probes in {len(unresolved)} children" in session.stderr
    assert "No unsafe calls after fork were seen" not in session.stderr
    for end in unresolved:
        assert not end["exact"]
        assert end["inexact_reason"] == (f"{end['unresolved_hits']} hits of probes could not be "
                                         "matched to a library")
    assert all(end["calls"] == ALLOCATED for end in children_of(session) if end["exact"])


def kernel_runs_32_bit_programs():
    """Runs one: exit(0) of i386. Kernels may be built without CONFIG_IA32_EMULATION."""
    code = b"\xb8\1\0\0\0\x31\xdb\xcd\x80"
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32,
                         1, 0, 0, 0)
    segment = struct.pack("<8I", 1, 0, 0x8048000, 0x8048000, 84 + len(code), 84 + len(code), 5, 4096)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "exits")
        program.write_bytes(header + segment + code)
        program.chmod(0o755)
        try:
            return subprocess.run([program], check=False).returncode == 0
        except OSError:
            return False


if kernel_runs_32_bit_programs():

    def test_32_bit_program_is_watched_but_never_called_exact(tmp_path):
        program = compiled(tmp_path, "malloc_1000", *I386)
        session = trace_command(tmp_path, program, options=["--all"])
        [end] = children_of(session)
        assert end["outcome"] == "exit" and end["calls"] == {} and not end["exact"]
        assert "32-bit" in end["inexact_reason"]
        assert "No unsafe calls after fork were seen" not in session.stderr
        assert "1 of 1 tainted children was not watched completely" in session.stderr
        assert "32-bit" in session.stderr

    def test_programs_beside_a_32_bit_one_stay_exact(tmp_path):
        program = compiled(tmp_path, "malloc_1000", *I386)
        session = trace_command(tmp_path, "sh", "-c", f"{workload('malloc_1000')}; {program}; "
                                f"{workload('malloc_1000')}", options=["--all"])
        ends = children_of(session)
        assert [end["exact"] for end in ends if end["calls"]] == [True, True]
        assert len([end for end in ends if "32-bit" in (end["inexact_reason"] or "")]) == 1


def elf_file(folder, **changed):
    """An ELF file with other bytes than it should have, by offset."""
    data = bytearray(Path("/bin/true").read_bytes())
    for offset, value in changed.items():
        data[int(offset.removeprefix("at_"))] = value
    path = folder / "libodd.so"
    path.write_bytes(data)
    return path


UNREADABLE = {
    "32-bit": {"at_4": 1},  # EI_CLASS
    "another machine": {"at_18": 8},  # e_machine: MIPS
    "sections": {"at_61": 255},  # e_shnum
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_library_that_could_not_be_read_is_named(tmp_path, why):
    file = elf_file(tmp_path, **UNREADABLE[why])
    with Running([workload("maps_file"), file]) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid, "--all") as trace:
            [truth] = target.go_on()
            assert trace.process.wait(60) == 0, trace.stderr()
            end = by_child(trace.findings())[truth["child"]].end
            assert end["calls"] == truth["calls"], "what can be probed is"
            assert not end["exact"]
            assert str(file) in end["inexact_reason"] and why in end["inexact_reason"]


def test_library_that_could_not_be_read_is_named_where_everybody_is_armed(tmp_path):
    file = elf_file(tmp_path, **UNREADABLE["32-bit"])
    with Trace(tmp_path, "--probe=all", "--all") as trace:
        for _ in range(2):  # the second time the program is known
            with Running([workload("maps_file"), file]) as target:
                target.first_line()
                truth = target.next_truth()
                wait_until(lambda: by_child(trace.findings()).get(truth["child"]), "found")
                end = wait_until(lambda: by_child(trace.findings())[truth["child"]].end, "ended")
            assert not end["exact"] and "32-bit" in end["inexact_reason"], end


class FuseOverlay:
    """A folder of a file system in user space, with one library in it."""

    def __init__(self, folder):
        self.mount = folder / "mount"
        for name in ("lower", "upper", "work", "mount"):
            (folder / name).mkdir()
        library(folder / "lower", "void quiet(void) {}\n", "libquiet.so")
        self.options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        self.library = self.mount / "libquiet.so"

    def __enter__(self):
        done = run("fuse-overlayfs", "-o", self.options, self.mount)
        if done.returncode != 0:
            pytest.skip(f"fuse-overlayfs: {done.stderr}")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.mount], check=False)


def test_library_on_a_file_system_in_user_space_is_said(tmp_path):
    folder = tmp_path / "fuse"
    folder.mkdir()
    with FuseOverlay(folder) as mounted:
        session = trace_command(tmp_path, workload("malloc_1000"), options=["--all"],
                                env={**os.environ, "LD_PRELOAD": str(mounted.library)})
    [end] = children_of(session)
    assert end["calls"] == {"malloc": 1000, "free": 1000}
    assert not end["exact"]
    assert "libquiet.so" in end["inexact_reason"]
    assert re.search(r"could not be read", end["inexact_reason"])
