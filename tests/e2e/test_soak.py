# SPDX-License-Identifier: MIT
"""The soak test in small."""

import sys

from harness import ROOT, run


def test_harmless_waits_are_never_called_deadlocks(tmp_path):
    done = run(sys.executable, ROOT / "tests/soak/run.py", "--waits", 4000, "--workers", 150,
               timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 proven, 0 lasting suspicions" in done.stdout
