# SPDX-License-Identifier: MIT
"""The package is built once, and one clean Debian is made for all tests that install it."""

import itertools
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
def packed(tmp_path_factory):
    """A function that makes packages as docs/install.md says, and returns the folder with them."""
    built("cmake", "--build", BUILD, "--target", "forkmon", "completions", "packaging")

    def packed(*options):
        folder = tmp_path_factory.mktemp("packed")
        built("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, *options)
        return folder

    return packed


@pytest.fixture(scope="session")
def debian_packages(packed):
    return packed()


@pytest.fixture(scope="session")
def package(debian_packages):
    """The .deb."""
    (deb,) = debian_packages.glob("*.deb")
    return deb


@pytest.fixture(scope="session")
def debug_package(debian_packages):
    """The package with the debug information of the program in the .deb."""
    (ddeb,) = debian_packages.glob("*.ddeb")
    return ddeb


@pytest.fixture(scope="session")
def newer(package, tmp_path_factory):
    """The same .deb with a higher version and another default configuration."""
    folder = tmp_path_factory.mktemp("newer")
    tree, deb = folder / "tree", folder / "forkmon_99.0-1_amd64.deb"
    built("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 99.0-1", control.read_text()))
    with (tree / "etc/forkmon/forkmon.toml").open("a") as config:
        config.write("# A comment that is new.\n")
    built("dpkg-deb", "--root-owner-group", "--build", tree, deb)
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


@pytest.fixture
def recorded_systemd(clean_root):
    """A systemd that runs, as the scripts see it, and a systemctl that writes down what it is told."""
    running, program = clean_root.path("/run/systemd/system"), clean_root.path("/usr/bin/systemctl")
    log = clean_root.path("/systemctl.log")
    running.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$*" >>/systemctl.log\n'
                       'case "$*" in *is-enabled*) echo enabled ;; esac\n')
    program.chmod(0o755)
    log.write_text("")
    yield log
    running.rmdir()
    program.unlink()
    log.unlink()


@pytest.fixture
def actions(recorded_systemd):
    """A function: which of these systemctl was told since its last call; one told twice running is one."""
    def actions(words="start|stop|restart|daemon-reload"):
        told = re.findall(rf"(?:^|\s)({words})(?: forkmon\.service)?$", recorded_systemd.read_text(),
                          re.MULTILINE)
        recorded_systemd.write_text("")
        return [action for action, _ in itertools.groupby(told)]

    return actions
