# SPDX-License-Identifier: MIT
"""The package in a clean Debian: it works there, and leaves nothing behind."""

import json
import re

CONFIG = "/etc/forkmon/forkmon.toml"
UNIT = "/usr/lib/systemd/system/forkmon.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/forkmon.service"
MASK = "/etc/systemd/system/forkmon.service"


def test_check_finds_every_sensor(installed):
    done = installed.checked("forkmon", "--check")
    for sensor in ("lifecycle", "probes", "page_faults"):
        assert re.search(rf"^{sensor} +usable ", done.stdout, re.MULTILINE), done.stdout


def test_demo(installed):
    done = installed.checked("forkmon", "--trace", "--format=json", "--", "python3",
                             "/usr/share/doc/forkmon/examples/demo.py")
    findings = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    calls = {finding["function"] for finding in findings if finding["kind"] == "unsafe_call"}
    assert {"malloc", "localtime_r"} <= calls
    assert all(finding["parent"]["exe"].startswith("/usr/bin/python3") for finding in findings)
    ends = [finding for finding in findings if finding["kind"] == "child"]
    assert len(ends) == 2 and all(end["exact"] for end in ends)


def test_unit_starts_the_installed_program(installed):
    unit = installed.path(UNIT).read_text()
    (program,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert installed.path(program).is_file()
    assert installed.path(WANTED).is_symlink(), "it is not enabled"


def left_of_forkmon(root):
    """What bears the name in the places where packages and systemd keep things."""
    return [path for folder in ("etc", "usr", "var/lib/systemd", "lib/systemd")
            for path in root.path(folder).rglob("*forkmon*")]


def test_remove_keeps_the_configuration_and_purge_leaves_nothing(installed):
    installed.checked("dpkg", "--remove", "forkmon")
    assert installed.path(CONFIG).is_file()
    assert not installed.path("/usr/sbin/forkmon").exists()
    assert installed.path(MASK).is_symlink(), "a unit that is gone must not be started"
    installed.checked("dpkg", "--purge", "forkmon")
    assert left_of_forkmon(installed) == []


def test_install_after_remove_is_enabled_again(installed, package):
    installed.checked("dpkg", "--remove", "forkmon")
    installed.install(package)
    assert installed.path(WANTED).is_symlink()
    assert not installed.path(MASK).is_symlink()


def test_upgrade_keeps_what_the_administrator_changed(installed, newer):
    installed.path(CONFIG).write_text("# mine\n")
    installed.path(WANTED).unlink()
    installed.path(newer.name).write_bytes(newer.read_bytes())
    installed.checked("dpkg", "--force-confold", "--install", f"/{newer.name}")
    assert installed.path(CONFIG).read_text() == "# mine\n"
    assert not installed.path(WANTED).is_symlink(), "it was disabled"


def test_upgrade_brings_the_new_default_where_nothing_was_changed(installed, newer):
    installed.path(newer.name).write_bytes(newer.read_bytes())
    installed.checked("dpkg", "--install", f"/{newer.name}")
    assert "# A comment that is new." in installed.path(CONFIG).read_text()


def test_service_is_started_restarted_and_stopped(clean_root, package, newer, actions):
    clean_root.install(package)
    assert actions() == ["daemon-reload", "start"]
    clean_root.install(newer)
    assert actions() == ["daemon-reload", "restart"]
    clean_root.checked("dpkg", "--purge", "forkmon")
    assert actions() == ["stop", "daemon-reload"]


def test_debug_package_is_installed_beside_it(installed, debug_package):
    installed.install(debug_package)
    assert installed.checked("dpkg", "--verify", "forkmon-dbgsym").stdout == ""
    installed.checked("dpkg", "--purge", "forkmon-dbgsym")
