# SPDX-License-Identifier: MIT
"""The end-to-end tests need root, a kernel with BTF, and tracefs."""

import os
import subprocess
from pathlib import Path

import pytest

import harness


def reason_to_skip():
    if os.geteuid() != 0:
        return "not root"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "the kernel has no BTF"
    if not harness.UPROBE_EVENTS.exists():
        subprocess.run(["mount", "-t", "tracefs", "nodev", "/sys/kernel/tracing"], check=False)
    if not harness.UPROBE_EVENTS.exists():
        return "tracefs cannot be mounted, or has no uprobe_events"
    return None


def pytest_collection_modifyitems(items):
    if reason := reason_to_skip():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def open_path(tmp_path):
    """A temporary folder that every user may enter, and its parents too."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    return tmp_path
