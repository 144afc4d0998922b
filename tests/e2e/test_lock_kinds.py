# SPDX-License-Identifier: MIT
"""Each kind of lock has its right name, its variable, and its owner where it records one."""

from pathlib import Path

import pytest

from harness import FORKMON, Running, run, wait_until, workload
from stuck_harness import PATIENCE, deadlocks_so_far

WORKLOADS = Path(__file__).resolve().parents[1] / "workloads"


def truths_of(running):
    """The lines of lock_kinds up to the last, by the child's pid."""
    truths = {}
    while "all" not in (truth := running.first_line()):
        truths[truth["stuck"]] = truth
    assert len(truths) == truth["all"]
    return truths


def check_owner(owner, truth):
    if truth["owner"] is None:
        assert owner is None
    elif truth["owner"] == 0:
        assert owner["self"] and owner["alive"] and owner["tid"] == truth["stuck"]
    else:
        assert owner and owner["tid"] == truth["owner"]
        assert owner["alive"] is (truth["name"] != "ended")
        assert not owner["self"] and not owner["in_child"]
        assert owner["forker"] is (truth["name"] == "forker")


def check_lock(finding, truth):
    lock = finding["lock"]
    assert lock["kind"] == truth["lock"]
    if truth["address"]:
        assert int(lock["address"], 16) == int(truth["address"], 16)
    if truth["symbol"]:
        assert lock["symbol"].endswith(truth["symbol"])
    check_owner(finding["owner"], truth)


def wrong_locks(findings, truths):
    """What was not found as it is, as text. Both by the child's pid."""
    assert findings.keys() == truths.keys()
    wrong = []
    for pid, truth in truths.items():
        found = findings[pid]
        try:
            check_lock(found, truth)
        except AssertionError as error:
            stack = [frame["function"] for frame in found["stack"][:6]]
            wrong.append(f"{truth}\n  {found['lock']} {found['owner']} {stack}\n  {error}"[:900])
    return "\n".join(wrong)


def wrong_of(tmp_path, *command, forkmon=(FORKMON,)):
    """Traces a program like lock_kinds; what was not found as it is."""
    output = tmp_path / "findings.json"
    arguments = [*forkmon, "--trace", "--format", "json", "-o", output, "--", *command]
    with Running(arguments, errors_to=tmp_path / "stderr") as traced:
        truths = truths_of(traced)
        wait_until(lambda: len(deadlocks_so_far(output)) >= len(truths), "all are found", PATIENCE)
        findings = {f["child"]["pid"]: f for f in deadlocks_so_far(output)}
        traced.process.communicate(b"x", timeout=PATIENCE)
    return wrong_locks(findings, truths)


def test_of_glibc_and_cpp(tmp_path):
    wrong = wrong_of(tmp_path, workload("lock_kinds"))
    assert not wrong, wrong


def test_under_a_libc_without_names(tmp_path):
    """Distributions strip theirs; only the debug package has names for what sem_wait() jumps to."""
    hidden = ["unshare", "--mount", "sh", "-c",
              'mount -t tmpfs none /usr/lib/debug; exec "$0" "$@"', FORKMON]
    wrong = wrong_of(tmp_path, workload("lock_kinds"), forkmon=hidden)
    assert not wrong, wrong


@pytest.mark.parametrize("options", [[], ["-static"]], ids=["dynamic", "static"])
def test_of_musl(tmp_path, options):
    """Its own code has no unwind information. Alpine's compiler makes the search table for that of
    programs, which Debian's wrapper for musl does not ask for."""
    program = tmp_path / "mutexes"
    includes = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
    built = run("musl-gcc", "-O1", "-Wl,--eh-frame-hdr", *options, "-o", program,
                WORKLOADS / "musl/mutexes.c", *includes)
    assert built.returncode == 0, built.stderr
    wrong = wrong_of(tmp_path, program)
    assert not wrong, wrong
    for finding in deadlocks_so_far(tmp_path / "findings.json"):
        assert "main" in [frame["function"] for frame in finding["stack"]], finding["stack"]
