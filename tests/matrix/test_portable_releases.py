# SPDX-License-Identifier: MIT
"""The portable tarball in Debian releases whose C libraries are older and newer than its own; run by hand:
python3 -m pytest tests/matrix/test_portable_releases.py. FORKMON_RELEASES names other releases.
"""

import json
import os
import re
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

for folder in ("e2e", "packaging"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

from clean_root import CleanRoot  # noqa: E402: needs the paths above
from conftest import tarball  # noqa: E402,F401: a fixture
from harness import Running  # noqa: E402
from stuck_harness import deadlocks_so_far, wait_for_deadlock  # noqa: E402

RELEASES = os.environ.get("FORKMON_RELEASES", "bullseye bookworm trixie").split()
PROGRAM = "/opt/forkmon/forkmon"
# A child that waits for a lock which a thread held at the fork; the parent ends it when told to.
STUCK = """
import os, signal, sys, threading
lock, held = threading.Lock(), threading.Event()
def hold():
    with lock:
        held.set()
        threading.Event().wait()
def wait_in_child():
    lock.acquire()
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    wait_in_child()
sys.stdin.read(1)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
os._exit(0)
"""


@pytest.fixture(scope="module", params=RELEASES)
def release(request, tarball):  # noqa: F811: the fixture
    with tempfile.TemporaryDirectory(prefix="forkmon-release-") as folder:
        root = CleanRoot.made(Path(folder) / "root", request.param, "python3")
        with tarfile.open(tarball) as archive:
            archive.extractall(root.path("/opt"))
        (unpacked,) = root.path("/opt").glob("forkmon-*")
        unpacked.rename(root.path("/opt/forkmon"))
        root.path("/stuck.py").write_text(STUCK)
        yield root


def test_sensors(release):
    checked = release.checked(PROGRAM, "--check").stdout
    for sensor in ("lifecycle", "probes", "page_faults"):
        assert re.search(rf"^{sensor} +usable ", checked, re.MULTILINE), checked


def test_demo(release):
    done = release.checked(PROGRAM, "--trace", "--format=json", "--", "python3", "/opt/forkmon/examples/demo.py")
    findings = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert {"malloc", "localtime_r"} <= {f["function"] for f in findings if f["kind"] == "unsafe_call"}
    ends = [finding for finding in findings if finding["kind"] == "child"]
    assert ends and all(end["exact"] for end in ends)


def test_deadlock_with_stacks(release):
    output = release.path("/findings.json")
    command = release.command(PROGRAM, "--trace", "--format=json", "-o", "/findings.json", "--", "python3", "/stuck.py")
    with Running(command) as traced:
        wait_for_deadlock(traced, lambda: deadlocks_so_far(output))
        (deadlock,) = deadlocks_so_far(output)
        traced.process.communicate(b"x", timeout=60)
    assert deadlock["proof"] is True and deadlock["lock"]["kind"] == "semaphore"
    assert len(deadlock["stack"]) > 5 and "Py_BytesMain" in str(deadlock["stack"])
    assert "wait_in_child" in str(deadlock["python"])
