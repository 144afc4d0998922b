# SPDX-License-Identifier: MIT
"""The commands of README.md, as they are written and one after the other, in a fresh Debian.

It takes a quarter of an hour for each, so it is run by hand: python3 -m pytest tests/matrix
FORKMON_RELEASES names other releases: "bookworm trixie sid".
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


def in_sources(release, command):
    done = release.checked("sh", "-ec", f"cd /forkmon; {command}", timeout=1800)
    return done.stdout + done.stderr


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
