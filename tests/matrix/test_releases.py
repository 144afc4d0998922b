# SPDX-License-Identifier: MIT
"""Another Debian than the host's, in a root of its own, on the host's kernel: the commands of README.md as they are
written and one after the other, the unit tests, and the core of the end-to-end tests on the package.

FORKMON_RELEASES names other releases than Debian 13: "bookworm trixie sid".
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

for folder in ("e2e", "packaging"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

from clean_root import CleanRoot  # noqa: E402: needs the paths above
from harness import ROOT, run  # noqa: E402

RELEASES = os.environ.get("FORKMON_RELEASES", "trixie").split()
COMMAND = re.compile(r"^    (?:sudo )?((?:deploy/demo\.sh|cpack ).*?)(?:  +#.*)?$", re.MULTILINE)


def copy_of_the_sources(folder):
    listed = run("git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-z")
    assert listed.returncode == 0, listed.stderr
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)


@pytest.fixture(scope="module", params=RELEASES)
def release(request):
    with tempfile.TemporaryDirectory(prefix="forkmon-release-") as folder:
        root = CleanRoot.made(Path(folder) / "root", request.param, "python3", "sudo")
        copy_of_the_sources(root.path("/forkmon"))
        yield root


# What the tests of these, and the compiler's sanitizers, need there.
TEST_PACKAGES = ("libgtest-dev", "libgmock-dev", "python3-pytest", "python3-jsonschema", "python3-yaml", "openssl",
                 "libc6-dbg", "musl-tools", "libjemalloc2", "libtcmalloc-minimal4", "libmimalloc-dev")
CORE = ("cmd_mode", "pid_mode", "deadlocks", "python_deadlocks", "page_faults")


def in_sources(release, command, timeout=3600):
    done = release.checked("sh", "-ec", f"cd /forkmon; {command}", timeout=timeout)
    return done.stdout + done.stderr


def passed_in(report):
    """How many tests passed by this JUnit report; all did."""
    passed, failed, skipped = map(int, run("python3", ROOT / "tests/junit_sums.py", report).stdout.split())
    assert failed == skipped == 0, report.read_text()
    return passed


def test_commands_of_the_readme(release):
    demo, package = COMMAND.findall((ROOT / "README.md").read_text())
    # A warning of that release's compiler is not for users, but for whoever runs this.
    said = in_sources(release, f"export CXXFLAGS=-Werror; {demo}")
    assert "calls localtime_r" in said, said
    in_sources(release, package.replace("apt install", "apt-get -qq -y install"))  # asks nobody
    checked = release.checked("forkmon", "--check").stdout
    for sensor in ("lifecycle", "probes", "page_faults"):
        assert re.search(rf"^{sensor} +usable ", checked, re.MULTILINE), checked
    done = release.checked("forkmon", "--trace", "--", "python3",
                           "/usr/share/doc/forkmon/examples/demo.py")
    assert "calls localtime_r" in done.stderr


def test_unit_tests_under_sanitizers(release):
    release.checked("apt-get", "-qq", "-y", "install", "--no-install-recommends", *TEST_PACKAGES)
    in_sources(release, "cmake --preset sanitize -DFORKMON_TESTS=ON; cmake --build build-sanitize")
    release.run("ctest", "--test-dir", "/forkmon/build-sanitize", "--output-on-failure", "-j2",
                "--output-junit", "/unit.xml", timeout=1800)
    assert passed_in(release.path("/unit.xml")) > 800


def test_core_of_the_end_to_end_tests(release):
    """The installed program, on workloads that this release's compiler and C library make."""
    files = " ".join(f"tests/e2e/test_{name}.py" for name in CORE)
    release.run("sh", "-ec", f"cd /forkmon; FORKMON=/usr/sbin/forkmon FORKMON_BUILD=/forkmon/build-sanitize "
                f"python3 -m pytest -q --tb=short -p no:cacheprovider --junit-xml /e2e.xml {files}", timeout=1800)
    assert passed_in(release.path("/e2e.xml")) > 60
