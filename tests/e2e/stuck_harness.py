# SPDX-License-Identifier: MIT
"""Runs programs whose children get stuck, and compares `deadlock` findings with the truth."""

import json
import re
import time

from harness import FORKMON, Running, Session, findings_in

# What a workload waits for its byte, and some more for a machine that is busy.
PATIENCE = 15


def findings_so_far(output):
    """The whole lines of a file that is still being written."""
    lines = output.read_bytes().splitlines(keepends=True) if output.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def deadlocks_so_far(output):
    return [finding for finding in findings_so_far(output) if finding["kind"] == "deadlock"]


def wait_for_deadlock(running, is_seen):
    """Waits until the deadlock is seen or the program has ended; the test then asserts."""
    deadline = time.monotonic() + PATIENCE
    while not is_seen() and running.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def trace_stuck(tmp_path, *command, options=(), meanwhile=lambda truth: None):
    """Traces a command until its deadlock is found, and then lets it end: (truth, Session)."""
    output, errors = tmp_path / "findings.json", tmp_path / "stderr"
    arguments = [FORKMON, "--trace", "--format", "json", "-o", output, *options, "--", *command]
    with Running(arguments, errors_to=errors) as traced:
        truth = traced.first_line()
        meanwhile(truth)
        wait_for_deadlock(traced, lambda: deadlocks_so_far(output))
        out, _ = traced.process.communicate(b"x", timeout=PATIENCE)
        session = Session(traced.process.returncode, findings_in(output), out.decode(),
                          traced.stderr())
    return truth, session


def only_deadlock(session):
    found = session.of_kind("deadlock")
    assert len(found) == 1, f"{len(found)} deadlocks found; stderr: {session.stderr}"
    return found[0]


def functions(frames):
    return [frame["function"] for frame in frames]


def owner_of(finding):
    """The part of the owner that a workload prints."""
    owner = finding["owner"]
    return owner and {"tid": owner["tid"], "alive": owner["alive"]}


def check_frame(frame):
    assert set(frame) <= {"function", "module", "offset", "source"}
    assert isinstance(frame["function"], str) and isinstance(frame["module"], str)
    assert isinstance(frame["offset"], int) and frame["offset"] >= 0


def check_deadlock(finding, truth, severity="high"):
    """All that the contract says of a `deadlock` finding, and what this workload says of it.
    `severity`: of one that is only suspected."""
    assert finding["child"]["pid"] == truth["stuck"]
    assert finding["parent"]["threads"] >= 2
    assert finding["proof"] is truth["proof"], finding.get("reason")
    assert finding["severity"] == ("critical" if truth["proof"] else severity)
    assert bool(finding.get("reason")) is not truth["proof"], finding.get("reason")
    assert finding["lock"]["kind"] == truth["lock"]
    assert re.fullmatch("0x[0-9a-f]+", finding["lock"]["address"])
    if truth["address"]:
        assert int(finding["lock"]["address"], 16) == int(truth["address"], 16)
    assert owner_of(finding) == truth["owner"]
    assert 0 <= finding["waited_ms"] < 10_000
    assert 1 <= len(finding["stack"]) <= 64
    for frame in finding["stack"] + finding.get("owner_stack", []):
        check_frame(frame)
    assert finding["advice"]


def check_killed(session, truth):
    """The stuck child's end follows, and it is the last that is said of it."""
    mine = [f for f in session.findings if f["child"]["pid"] == truth["stuck"]]
    assert mine[-1]["kind"] == "child" and mine[-1]["outcome"] == "signal"
    assert mine[-1]["status"] == 9
    assert [f["kind"] for f in mine].count("child") == 1
