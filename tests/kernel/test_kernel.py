# SPDX-License-Identifier: MIT
"""What forkmon found on another kernel, of which run.sh left the results in FORKMON_RESULTS."""

import os
import re
from pathlib import Path

import pytest

from harness import (Session, by_child, check_child, check_children, check_truths,
                     findings_in, json_lines)
from stuck_harness import check_deadlock, check_killed, only_deadlock
from test_lock_kinds import wrong_locks

RESULTS = Path(os.environ["FORKMON_RESULTS"])
HAS_PROBES = re.search(r"^probes +usable", (RESULTS / "check/stdout").read_text(), re.MULTILINE)
CASES = (RESULTS / "cases").read_text().splitlines()
# On arm64 these wait in functions that keep their caller in a register, which /proc does not tell.
UNNAMED_ON_ARM64 = {"rwlock", "guard"}
NO_PAGE_FAULTS = "the kernel has no tracepoint page_fault_user, which x86 and RISC-V have"
IS_X86 = (RESULTS / "machine").read_text().split()[-1] == "x86_64"


def cases(*kinds):
    return [case for case in CASES if case.split()[0] in kinds]


def result(name):
    folder = RESULTS / name
    assert (folder / "status").exists(), "the guest did not run it to its end"
    output = folder / "findings.json"
    return Session(int((folder / "status").read_text()),
                   findings_in(output) if output.exists() else [],
                   (folder / "stdout").read_text(), (folder / "stderr").read_text())


def test_check_finds_all_sensors_usable():
    """Where the kernel lends no probes, it names what the kernel lacks. Page faults are traced on x86 only."""
    check = result("check")
    assert check.returncode == 0, check.stdout + check.stderr
    missing = re.findall(r"^(\w+) +missing +(.*)", check.stdout, re.MULTILINE)
    if HAS_PROBES and IS_X86:
        assert missing == []
    elif HAS_PROBES:
        assert missing == [("page_faults", NO_PAGE_FAULTS)]
    else:
        assert [sensor for sensor, _ in missing] == ["probes", "page_faults"]
        assert all("which came with Linux 5." in detail for _, detail in missing), missing


@pytest.mark.parametrize("case", cases("lifecycle"))
def test_children_are_seen_from_fork_to_end(case):
    """Without probes nobody knows what they called, and none is said to be exact."""
    session = result(case)
    assert session.returncode == 0, session.stderr
    assert session.truths() and not session.of_kind("lost")
    children = by_child(session.findings)
    for truth in session.truths():
        end = children[truth["child"]].end
        assert end["outcome"] == truth.get("outcome", "exit")
        assert (end["calls"], end["exact"]) == ({}, False)


@pytest.mark.parametrize("case", cases("unsafe", "pid"))
def test_unsafe_workload_is_reported_exactly(case):
    session = result(case)
    assert session.returncode == 0, session.stderr
    assert session.of_kind("unsafe_call"), session.stderr
    check_truths(session.truths(), session.findings)


@pytest.mark.parametrize("case", cases("inexact"))
def test_32_bit_program_is_followed_and_never_exact(case):
    session = result(case)
    assert session.returncode == 0, session.stderr
    children = by_child(session.findings)
    assert session.truths()
    for truth in session.truths():
        end = children[truth["child"]].end
        assert (end["outcome"], end["exact"]) == (truth.get("outcome", "exit"), False)
        assert "32-bit" in end["inexact_reason"]


@pytest.mark.parametrize("case", cases("threads"))
def test_child_with_threads_is_reported_exactly_or_as_inexact(case):
    """An emulated processor may be too slow to hold the probes before the first thread ends."""
    session = result(case)
    assert session.returncode == 0, session.stderr
    assert session.truths() and not session.of_kind("lost")
    children = by_child(session.findings)
    for truth in session.truths():
        child = children[truth["child"]]
        assert set(truth.get("at_least", truth.get("calls"))) & set(child.firsts)
        if child.end["exact"]:
            check_child(truth, child)


@pytest.mark.parametrize("case", cases("all", "auto"))
def test_workload_is_reported_exactly_by_a_trace_of_the_whole_system(case):
    session = result(case)
    assert session.returncode == 0, session.stderr
    truths = [truth for truth in session.truths() if "child" in truth]
    assert truths and not session.of_kind("lost")
    check_children(truths, session.findings)


@pytest.mark.parametrize("case", cases("clean"))
def test_clean_workload_has_no_findings(case):
    session = result(case)
    assert session.returncode == 0, session.stderr
    assert session.truths() == [{"clean": True}]
    assert session.findings == []


@pytest.mark.parametrize("case", cases("stuck"))
def test_deadlock_is_proven(case):
    session = result(case)
    assert session.returncode == 0, session.stderr
    [truth] = session.truths()
    finding = only_deadlock(session)
    check_deadlock(finding, truth)
    check_killed(session, truth)


@pytest.mark.parametrize("case", cases("kinds"))
def test_locks_have_their_names_though_libc_is_stripped(case):
    session = result(case)
    *truths, last = session.truths()
    assert len(truths) == last["all"]
    found = {f["child"]["pid"]: f for f in session.of_kind("deadlock")}
    assert found.keys() == {truth["stuck"] for truth in truths}
    named = {truth["stuck"]: truth for truth in truths
             if IS_X86 or truth["lock"] not in UNNAMED_ON_ARM64}
    wrong = wrong_locks({pid: found[pid] for pid in named}, named)
    assert not wrong, wrong


def mounted_roots():
    return (RESULTS / "roots").read_text().split()


def needs_root(case):
    """Skips a case of storage that this kernel cannot mount."""
    if case.split()[2] not in mounted_roots():
        pytest.skip("not mounted by this kernel")


@pytest.mark.parametrize("case", cases("root", "copied-up", "deleted", "replaced"))
def test_storage_of_a_root_does_not_matter(case):
    needs_root(case)
    session = result(case)
    assert session.returncode == 0, session.stderr
    check_truths(session.truths(), session.findings)


@pytest.mark.parametrize("case", cases("everywhere"))
def test_calls_count_once_whatever_leads_to_a_file(case):
    """Of the second child in each root: the first fork shows its files."""
    session = result(case)
    roots = [root for root in mounted_roots() if not root.startswith("changed")]
    truths = {root: json_lines((RESULTS / case / root).read_text()) for root in roots}
    children = by_child(session.findings)
    wrong = {}
    for root, (_, _, truth) in truths.items():
        end = children[truth["child"]].end
        if (end["calls"], end["exact"]) != (truth["calls"], True):
            wrong[root] = end
    assert wrong == {}
    assert len(truths) > 1 and session.returncode == 0, session.stderr
