# SPDX-License-Identifier: MIT
"""docs/privileges.md: what each capability of the agent is needed for, and what it gives up."""

import shutil
import signal
from pathlib import Path

import pytest

import unit_sandbox
from harness import ROOT, Agent, Running, is_zombie, uprobe_groups, wait_until, workload

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# Seconds, after which what a missing capability was needed for is taken not to come.
PATIENCE = 6

EVERYTHING = {"lifecycle", "probes", "page_faults", "suspects", "deadlock", "owner", "stack", "end"}
# By a capability that is missing: what then does not work. Also the table of docs/privileges.md.
LOST_WITHOUT = {
    "bpf": EVERYTHING,
    "perfmon": EVERYTHING,
    "sys_ptrace": EVERYTHING,
    "dac_read_search": {"deadlock", "owner", "stack"},
    "checkpoint_restore": {"suspects", "stack"},
}


def comes(condition):
    try:
        return bool(wait_until(condition, "", timeout=PATIENCE))
    except AssertionError:
        return False


def private_copy(folder, name):
    """A workload that only the user `nobody` can read and run."""
    folder = folder / "private"
    folder.mkdir(exist_ok=True)
    program = folder / name
    shutil.copy(workload(name), program)
    for path in (program, folder):
        shutil.chown(path, 65534, 65534)
        path.chmod(0o700)
    return program


def sees_suspect(agent, folder):
    """Does it arm another user's process, and count its children's calls?"""
    with Running([*AS_NOBODY, private_copy(folder, "suspect")]) as target:
        first = target.first_line()["first"]
        wait_until(lambda: is_zombie(first), "the first child has ended")
        if not comes(lambda: agent.metric("armed_families") >= 1):
            return False
        target.go_on()
        return comes(lambda: agent.metric("unsafe_calls_total", exe="suspect",
                                          function="malloc") >= 100)


def found_of_deadlock(agent, folder):
    """What it finds out of another user's stuck child."""
    def deadlocks():
        return [finding for finding in agent.findings() if finding["kind"] == "deadlock"]

    with Running([*AS_NOBODY, private_copy(folder, "deadlock_mutex")]) as target:
        target.first_line()
        comes(deadlocks)
        target.end(signal.SIGKILL)
    if not deadlocks():
        return set()
    [finding] = deadlocks()
    found = {"owner": finding["owner"], "deadlock": finding["proof"],
             "stack": "main" in {frame["function"] for frame in finding["stack"]}}
    return {name for name, value in found.items() if value}


def what_works(folder, names):
    """What the agent can do as root with these capabilities."""
    with Agent(folder, prefix=unit_sandbox.only(names)) as agent:
        works = {sensor for sensor in ("lifecycle", "probes", "page_faults")
                 if agent.metric("sensor_active", sensor=sensor) == 1}
        if sees_suspect(agent, folder):
            works.add("suspects")
        works |= found_of_deadlock(agent, folder)
        assert agent.end(signal.SIGTERM) == 0
        if not any(f"_{agent.pid}_" in group for group in uprobe_groups()):
            works.add("end")
        return works


def test_the_units_capabilities_suffice(open_path):
    assert what_works(open_path, unit_sandbox.capabilities()) == EVERYTHING


@pytest.mark.parametrize("name", LOST_WITHOUT)
def test_each_capability_of_the_unit_is_needed(open_path, name):
    names = unit_sandbox.capabilities()
    assert set(names) == set(LOST_WITHOUT)
    names.remove(name)
    if LOST_WITHOUT[name] != EVERYTHING:
        assert what_works(open_path, names) == EVERYTHING - LOST_WITHOUT[name]
        return
    with pytest.raises(AssertionError, match=f"CAP_{name.upper()} is missing"):
        what_works(open_path, names)


def test_docs_tell_of_each_capability():
    rows = [line for line in (ROOT / "docs/privileges.md").read_text().splitlines()
            if line.startswith("| `CAP_")]
    assert {row.split("`")[1].removeprefix("CAP_").lower() for row in rows} == set(LOST_WITHOUT)
    for row in rows:
        name = row.split("`")[1].removeprefix("CAP_").lower()
        told = {word.strip("` ") for word in row.split("|")[3].split(",")}
        lost = {"start"} if LOST_WITHOUT[name] == EVERYTHING else LOST_WITHOUT[name]
        assert told == lost, name


def capability_sets(pid):
    """Of each thread: what it has, and what it may have."""
    sets = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t") for line in (task / "status").read_text().splitlines())
        sets.append((int(status["CapEff"], 16), int(status["CapPrm"], 16)))
    return sets


def test_every_thread_gives_up_what_only_the_start_needed(tmp_path):
    bits = {"dac_read_search": 2, "sys_ptrace": 19, "perfmon": 38, "bpf": 39,
            "checkpoint_restore": 40}
    kept = sum(1 << bits[name] for name in unit_sandbox.capabilities())
    with Agent(tmp_path) as agent:
        sets = capability_sets(agent.pid)
        assert len(sets) >= 3, "the loop, the map reader, the web server"
        assert set(sets) == {(kept, kept)}
