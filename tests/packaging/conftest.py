# SPDX-License-Identifier: MIT
"""The package is built once, and one clean Debian is made for all tests that install it."""

import platform
import re
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from clean_root import CleanRoot  # noqa: E402: needs the path above
from harness import BUILD, ROOT, run  # noqa: E402


def built(*arguments, timeout=600):
    done = run(*arguments, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The .deb, built as docs/install.md says."""
    folder = tmp_path_factory.mktemp("deb")
    built("cmake", "--build", BUILD, "--target", "forkmon", "completions", "packaging")
    built("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder)
    (deb,) = folder.glob("*.deb")
    return deb


@pytest.fixture(scope="session")
def tarball():
    """The portable tarball, built as docs/install.md says."""
    built("cmake", "--build", BUILD, "--target", "tarball")
    version = re.search(r"project\(forkmon VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    return BUILD / f"forkmon-{version}-linux-{platform.machine()}.tar.gz"


@pytest.fixture(scope="session")
def clean_root():
    """A minimal Debian 12 with Python."""
    with tempfile.TemporaryDirectory(prefix="forkmon-root-") as folder:
        yield CleanRoot.made(Path(folder) / "root", "bookworm", "python3")


@pytest.fixture
def installed(clean_root, package):
    """The clean root with the package in it, and the package gone again afterwards."""
    clean_root.install(package)
    yield clean_root
    clean_root.checked("dpkg", "--purge", "forkmon")
