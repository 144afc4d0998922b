# SPDX-License-Identifier: MIT
"""deploy/systemd: the unit's hardening, and what the agent tells the service manager."""

import contextlib
import os
import re
import signal
import socket

import pytest

import unit_sandbox
from harness import Agent, run, wait_until, workload
from test_privileges import found_of_deadlock, sees_suspect


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """The unit as it is installed."""
    path = tmp_path_factory.mktemp("unit") / "forkmon.service"
    text = unit_sandbox.UNIT.read_text()
    path.write_text(text.replace("@CMAKE_INSTALL_FULL_SBINDIR@/forkmon", "/bin/true"))
    return path


def test_systemd_reads_all_of_it(unit):
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and "forkmon.service" not in done.stderr, done.stderr


def test_exposure_is_below_3(unit):
    """systemd-analyze fails where it is above the threshold, in tenths."""
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=29", unit)
    assert done.returncode == 0, done.stdout[-200:]


def test_agent_works_under_the_units_restrictions(open_path):
    config = open_path / "forkmon.toml"
    config.write_text("log-burst = 0\n")
    with Agent(open_path, "--config", config, prefix=unit_sandbox.prefix()) as agent:
        assert agent.metric("sensor_active", sensor="probes") == 1
        assert sees_suspect(agent, open_path)
        assert found_of_deadlock(agent, open_path) == {"deadlock", "owner", "stack"}
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in agent.stderr(), "it reloads")
        assert agent.end(signal.SIGTERM) == 0, agent.stderr()


def test_sandbox_kills_who_breaks_out(tmp_path):
    """The restrictions are there: what the tests above show is not for want of them."""
    for command in (["chown", "1", str(tmp_path)], ["unshare", "--net", "true"]):
        assert run(*unit_sandbox.prefix(), *command).returncode in (-signal.SIGSYS,
                                                                    128 + signal.SIGSYS)
    assert run(*unit_sandbox.prefix(), "/bin/sh", "-c", "echo > /sys/kernel/mm/ksm/run",
               ).returncode != 0


class Manager:
    """A service manager that listens to one service."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []

    def environment(self, **more):
        return dict(os.environ, NOTIFY_SOCKET=self.path, **more)

    def told(self):
        """All fields so far, in order."""
        with contextlib.suppress(BlockingIOError):
            while True:
                message = self.socket.recv(4096, socket.MSG_DONTWAIT).decode()
                self.messages += message.splitlines()
        return self.messages


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def test_ready_comes_after_the_sensors(tmp_path, manager):
    """A child made as soon as READY=1 is there is seen."""
    with Agent(tmp_path, "--probe=all", env=manager.environment()) as agent:
        wait_until(lambda: "READY=1" in manager.told(), "it is ready")
        run(workload("malloc_1000"))
        wait_until(lambda: agent.metric("tainted_forks_total", exe="malloc_1000") == 1, "seen")
        wait_until(lambda: [m for m in manager.told() if m.startswith("STATUS=")], "a status")
        assert agent.end(signal.SIGTERM) == 0
        assert manager.told().count("READY=1") == 1
        assert manager.told()[-1] == "STOPPING=1"
        assert not [m for m in manager.told() if m.startswith("WATCHDOG")], "none was asked for"


def test_watchdog_is_fed_by_the_loop(tmp_path, manager):
    environment = manager.environment(WATCHDOG_USEC="600000")
    with Agent(tmp_path, env=environment) as agent:
        wait_until(lambda: manager.told().count("WATCHDOG=1") >= 5, "it is fed")
        agent.process.send_signal(signal.SIGSTOP)
        manager.told()
        fed = manager.told().count("WATCHDOG=1")
        with pytest.raises(AssertionError):
            wait_until(lambda: manager.told().count("WATCHDOG=1") > fed, "", timeout=2)
        agent.process.send_signal(signal.SIGCONT)
        wait_until(lambda: manager.told().count("WATCHDOG=1") > fed, "it goes on")


def test_reload_is_told(tmp_path, manager):
    with Agent(tmp_path, env=manager.environment()) as agent:
        wait_until(lambda: "READY=1" in manager.told(), "it is ready")
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: manager.told().count("READY=1") == 2, "it is ready again")
        told = [m for m in manager.told() if not m.startswith("STATUS=")]
        assert told[1] == "RELOADING=1"
        assert re.fullmatch(r"MONOTONIC_USEC=\d+", told[2])
