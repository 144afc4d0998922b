# SPDX-License-Identifier: MIT
"""The .rpm: what is in it, what rpm's own checker says of it, and what its scriptlets do.

Its program is linked with the libraries of the Debian that built it, so it is installed without its dependencies into a
root that has these libraries from Debian's packages.
"""

import re

import pytest

from harness import run

CONFIG = "/etc/forkmon/forkmon.toml"
# There is no key to sign with, and the packager is whoever distributes the package.
ACCEPTED = {"no-signature", "no-packager-tag"}


@pytest.fixture(scope="module")
def rpm(packed):
    (rpm,) = packed("-G", "RPM").glob("*.rpm")
    return rpm


@pytest.fixture(scope="module")
def newer(packed):
    (rpm,) = packed("-G", "RPM", "-D", "CPACK_RPM_PACKAGE_RELEASE=2").glob("*.rpm")
    return rpm


def asked(rpm, *options):
    done = run("rpm", "--query", "--package", rpm, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_rpmlint_objects_to_nothing(rpm):
    said = run("rpmlint", rpm, timeout=120).stdout
    assert "1 packages and 0 specfiles checked" in said
    assert set(re.findall(r": E: (\S+)", said)) <= ACCEPTED, said


def test_only_the_configuration_is_kept_when_changed(rpm):
    flags = dict(line.split("=") for line in asked(rpm, "--qf", "[%{FILENAMES}=%{FILEFLAGS:fflags}\n]"))
    assert flags[CONFIG] == "cn"
    assert not [path for path, flag in flags.items() if "c" in flag and path != CONFIG]
    assert flags["/usr/share/licenses/forkmon/LICENSE"] == "l"


def test_only_its_own_folders_are_in_it(rpm):
    folders = {line.split()[-1] for line in asked(rpm, "--list", "--verbose") if line.startswith("d")}
    assert not [folder for folder in folders if "forkmon" not in folder and ".build-id" not in folder]


def test_requires_the_libraries_that_it_is_linked_with(rpm):
    requires = asked(rpm, "--requires")
    for library in ("libbpf.so.1()(64bit)", "libelf.so.1()(64bit)", "libsystemd.so.0()(64bit)"):
        assert library in requires


def test_program_is_stripped(rpm, tmp_path):
    unpacked = run("sh", "-ec", 'rpm2cpio "$0" | cpio --quiet -i -d', rpm, cwd=tmp_path)
    assert unpacked.returncode == 0, unpacked.stderr
    sections = run("readelf", "--wide", "--sections", tmp_path / "usr/sbin/forkmon").stdout
    assert ".text" in sections and ".debug_info" not in sections


@pytest.fixture
def root(clean_root, package):
    """The clean root with the libraries, and without forkmon, before and after."""
    clean_root.install(package)
    clean_root.checked("dpkg", "--purge", "forkmon")
    yield clean_root
    rpm_in(clean_root, "--erase", "forkmon")


def rpm_in(root, *arguments):
    """On Debian, rpm wants to be told that this is meant."""
    return run("rpm", "--force-debian", "--root", root.folder, *arguments)


def installed(root, *arguments):
    done = rpm_in(root, "--nodeps", *arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_installed_files_are_those_of_the_package_and_the_program_runs(root, rpm):
    installed(root, "--install", rpm)
    verified = rpm_in(root, "--verify", "--nodeps", "forkmon")
    assert (verified.returncode, verified.stdout) == (0, "")
    version = asked(rpm, "--qf", "%{VERSION}")
    assert root.checked("forkmon", "--version").stdout.split()[-1:] == version


def test_upgrade_and_erase_keep_what_the_administrator_changed(root, rpm, newer):
    installed(root, "--install", rpm)
    root.path(CONFIG).write_text("# mine\n")
    installed(root, "--upgrade", newer)
    assert root.path(CONFIG).read_text() == "# mine\n"
    rpm_in(root, "--erase", "forkmon")
    assert not root.path("/usr/sbin/forkmon").exists()
    kept = root.path(f"{CONFIG}.rpmsave")
    assert kept.read_text() == "# mine\n"
    kept.unlink()
    kept.parent.rmdir()


def test_service_is_preset_restarted_and_stopped(root, rpm, newer, actions):
    words = "preset|disable|stop|try-restart|daemon-reload"
    actions()  # those of the .deb that brought the libraries
    installed(root, "--install", rpm)
    assert actions(words) == ["preset", "daemon-reload"]
    installed(root, "--upgrade", newer)
    assert actions(words) == ["daemon-reload", "try-restart"]
    rpm_in(root, "--erase", "forkmon")
    assert actions(words) == ["disable", "stop", "daemon-reload"]
