# SPDX-License-Identifier: MIT
"""The package under a real systemd, which is process 1 of a virtual machine with Debian's kernel.

systemd_guest.py takes the package through its life there; these tests judge what it saw.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

import systemd_machine
from clean_root import CleanRoot
from harness import ROOT, run

GUEST = Path(__file__).resolve().parent / "systemd_guest.py"
# As include/uapi/linux/capability.h numbers them.
CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38,
                "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40}


@pytest.fixture(scope="module")
def seen(clean_root, package, newer, tmp_path_factory):
    """What the guest saw, by step."""
    folder = tmp_path_factory.mktemp("machine")
    assert run("cp", "-a", clean_root.folder, folder / "root", timeout=300).returncode == 0
    root = CleanRoot(folder / "root")
    root.install(package)
    root.checked("dpkg", "--purge", "forkmon")  # what it depends on stays
    root.checked("apt-get", "-qq", "install", "--no-install-recommends", "systemd-sysv")
    root.path(package.name).unlink()
    shutil.copy(package, root.path("/forkmon.deb"))
    shutil.copy(newer, root.path("/newer.deb"))
    systemd_machine.prepare(root, GUEST)
    seen = systemd_machine.boot(root, folder, 600)
    shutil.rmtree(folder)
    print(json.dumps(seen, indent=1))  # pytest shows it where a test fails
    assert seen["init"] == "systemd"
    return seen


def docs(name):
    return (ROOT / "docs" / name).read_text()


def assert_works(step):
    """It is ready, and its probes are."""
    for metric in ('forkmon_sensor_active{sensor="probes"} 1', "forkmon_ready 1"):
        assert f"\n{metric}\n" in step["metrics"], step["metrics"]


def test_installation_enables_and_starts_it(seen):
    step = seen["installation"]
    assert step["dpkg"]["status"] == 0, step["dpkg"]["output"]
    state = step["state"]
    assert (state["ActiveState"], state["SubState"]) == ("active", "running")
    assert state["UnitFileState"] == "enabled" and state["NRestarts"] == "0"
    assert_works(step)


def assert_capabilities(process, names):
    """Each thread has these and no others, and none can come to it."""
    mask = sum(1 << CAPABILITIES[name] for name in names)
    assert len(process["status"]) > 1
    for status in process["status"]:
        fields = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == mask
        assert int(fields["CapAmb"], 16) == int(fields["CapInh"], 16) == 0
        assert int(fields["CapBnd"], 16) == sum(1 << number for number in CAPABILITIES.values())
        assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def documented_capabilities():
    return set(re.findall(r"^\| `(CAP_\w+)` ", docs("privileges.md"), re.MULTILINE))


def test_it_has_the_capabilities_of_the_docs_and_that_for_debians_perf_events(seen):
    assert seen["perf_event_paranoid"] > 2
    assert_capabilities(seen["installation"]["process"], documented_capabilities() | {"CAP_SYS_ADMIN"})


def test_it_gives_up_what_perf_events_need_on_debian_where_they_do_not(seen):
    assert_capabilities(seen["upgrade"]["process"], documented_capabilities())
    assert_works(seen["upgrade"])


def test_only_what_defines_probes_and_its_logs_can_be_written(seen):
    """Of mounts at one place, the last one is seen."""
    process = seen["installation"]["process"]
    options = {line.split()[4]: line.split()[5].split(",") for line in process["mounts"].splitlines()}
    for path in ("/", "/sys", "/sys/kernel/tracing", "/proc/sys"):
        assert "ro" in options[path], path
    for path in ("/sys/kernel/tracing/uprobe_events", "/var/log/forkmon"):
        assert "rw" in options[path], path


def test_limits_are_those_of_the_unit(seen):
    limits = seen["installation"]["process"]["limits"]
    assert re.search(r"^Max realtime priority +1 +1 ", limits, re.MULTILINE), limits
    assert re.search(r"^Max open files +65536 +65536 ", limits, re.MULTILINE), limits


def test_exposure_is_that_of_the_docs(seen):
    (exposure,) = re.findall(r"Overall exposure level for forkmon\S*: ([\d.]+)", seen["installation"]["security"])
    assert re.search(rf"as the Debian package\s+has it at {re.escape(exposure)}\.\n", docs("privileges.md"))


def test_reload_changes_the_configuration_of_the_running_agent(seen):
    step = seen["reload"]
    assert step["systemctl"]["status"] == 0, step["systemctl"]["output"]
    assert step["counted"] and step["same_process"]
    functions = {json.loads(line).get("function") for line in step["findings"].splitlines()}
    assert functions & {"malloc", "localtime_r"}, step["findings"]
    assert re.search(r'^forkmon_tainted_forks_total\{[^}]*python3[^}]*\} [1-9]', step["metrics"], re.MULTILINE)


def test_mistake_in_the_configuration_ends_nothing(seen):
    step = seen["mistake"]
    assert step["counted"] and step["same_process"]
    assert step["state"]["ActiveState"] == "active"


def test_watchdog_restarts_an_agent_that_hangs(seen):
    step = seen["watchdog"]
    assert step["configured"]["WatchdogUSec"] == "1min"
    assert step["restarted"], step["journal"]
    assert int(step["state"]["MainPID"]) not in (0, step["before"])
    assert "Watchdog timeout (limit 10s)!" in step["journal"]


def test_upgrade_restarts_it_and_keeps_the_configuration(seen):
    step = seen["upgrade"]
    assert step["dpkg"]["status"] == 0, step["dpkg"]["output"]
    assert step["version"] == "99.0-1"
    assert step["state"]["ActiveState"] == "active"
    assert int(step["state"]["MainPID"]) not in (0, step["before"])
    assert "/var/log/forkmon/findings.json" in step["config"]


def test_removal_stops_it_and_keeps_what_is_not_the_programs(seen):
    step = seen["removal"]
    assert step["dpkg"]["status"] == 0, step["dpkg"]["output"]
    assert step["state"]["ActiveState"] == "inactive"
    assert step["config_kept"] and step["findings_kept"]
    assert (step["left"]["processes"], step["left"]["probes"]) == ([], [])


def test_purge_leaves_nothing(seen):
    step = seen["purge"]
    assert step["dpkg"]["status"] == 0, step["dpkg"]["output"]
    assert step["left"] == {"files": [], "probes": [], "processes": []}
    assert step["failed"] == ""
