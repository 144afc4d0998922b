# SPDX-License-Identifier: MIT
"""Every way of waiting for ever that can be proven is proven, and the others are suspected as they
should be."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness import FORKMON, Running, Trace, wait_until, workload
from stuck_harness import deadlocks_so_far


def last_of(output, pid):
    """What was last said of a child."""
    found = [f for f in deadlocks_so_far(output) if f["child"]["pid"] == pid]
    return found[-1] if found else None


def check_way(finding, truth):
    assert finding is not None, f"nothing was found: {truth}"
    assert finding["proof"] is truth["proof"], (truth, finding["reason"])
    assert finding["severity"] == truth["severity"], (truth, finding["reason"])
    assert (truth["reason"] or "") in (finding["reason"] or "")
    if truth["lock"]:
        assert finding["lock"]["kind"] == truth["lock"], truth
    if truth["address"]:
        assert int(finding["lock"]["address"], 16) == int(truth["address"], 16)


def test_all_ways_of_being_stuck(tmp_path):
    output, errors = tmp_path / "findings.json", tmp_path / "stderr"
    arguments = [FORKMON, "--trace", "--format", "json", "-o", output, "--", workload("stuck_ways")]
    with Running(arguments, errors_to=errors,
                 env={**os.environ, "WORKLOAD_SECONDS": "60"}) as traced:
        truths = [traced.first_line()]
        while truths[-1]["name"] != "shared":
            truths.append(traced.first_line())
        deadline = time.monotonic() + 50
        while time.monotonic() < deadline and not all(last_of(output, t["stuck"]) for t in truths):
            time.sleep(0.1)
        traced.process.communicate(b"x", timeout=20)
    for truth in truths:
        check_way(last_of(output, truth["stuck"]), truth)
        found = [f for f in deadlocks_so_far(output) if f["child"]["pid"] == truth["stuck"]]
        assert len(found) == 1, f"told more than once: {found}"


def perf_events_of(pid):
    """How many it has open."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += os.readlink(entry) == "anon_inode:[perf_event]"
    return count


def test_no_more_than_a_few_children_are_sampled_at_a_time(tmp_path):
    """Each takes a descriptor of forkmon's, whether it naps in a loop or is always busy."""
    with Trace(tmp_path, "--probe=none") as trace, Running([workload("nappers")]) as nappers:
        nappers.first_line()
        most = 0
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            most = max(most, perf_events_of(trace.pid))
            time.sleep(0.02)
        assert 0 < most <= 16, most


class Stopped:
    """Stops a process by a signal."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


class Frozen:
    """Freezes a process by a control group of its own, of version 1 or 2."""

    def __init__(self, pid):
        self.pid = pid
        old, new = Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup/unified")
        root = old if old.is_dir() else new if new.is_dir() else Path("/sys/fs/cgroup")
        self.words = ("FROZEN", "THAWED") if old.is_dir() else ("1", "0")
        self.file = "freezer.state" if old.is_dir() else "cgroup.freeze"
        self.root, self.group = root, root / f"forkmon-test-{pid}"

    def __enter__(self):
        self.group.mkdir()
        (self.group / "cgroup.procs").write_text(str(self.pid))
        (self.group / self.file).write_text(self.words[0])

    def __exit__(self, *_):
        (self.group / self.file).write_text(self.words[1])
        (self.root / "cgroup.procs").write_text(str(self.pid))
        self.group.rmdir()


def is_in_futex(pid):
    return Path(f"/proc/{pid}/syscall").read_text().startswith("202 ")


@pytest.mark.parametrize("held_up", [Stopped, Frozen])
def test_child_that_cannot_run_is_not_judged_before_it_can(tmp_path, held_up):
    with Running([workload("stuck_ways"), "mutex"]) as target:
        pid = target.first_line()["stuck"]
        wait_until(lambda: is_in_futex(pid), "it is stuck")
        with held_up(pid):
            trace = Trace(tmp_path)
            time.sleep(5)
            seen = last_of(trace.output, pid)
        with trace:
            assert seen is None
            wait_until(lambda: last_of(trace.output, pid), "it is judged once it can run", 20)
            assert last_of(trace.output, pid)["proof"]
