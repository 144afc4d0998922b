# SPDX-License-Identifier: MIT
"""Runs in the virtual machine of test_systemd.py, as a service of the systemd that is process 1 there.

It takes the package through its life, and writes what it saw as JSON to the second serial port. It judges nothing:
test_systemd.py does.
"""

import json
import os
import re
import subprocess
import time
import tty
import urllib.request
from pathlib import Path

CONFIG = Path("/etc/forkmon/forkmon.toml")
FINDINGS = Path("/var/log/forkmon/findings.json")
DEMO = "/usr/share/doc/forkmon/examples/demo.py"
PLACES = ("/etc", "/usr", "/var", "/run", "/sys/fs/cgroup/system.slice")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"status": done.returncode, "output": done.stdout + done.stderr}


def shown(*properties):
    """These properties of the unit, as systemd has them."""
    names = ",".join(properties)
    lines = run("systemctl", "show", "forkmon", f"--property={names}")["output"].splitlines()
    return dict(line.split("=", 1) for line in lines)


def main_pid():
    return int(shown("MainPID")["MainPID"])


def until(condition, seconds=60):
    """Waits for it; whether it came true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def metrics():
    try:
        with urllib.request.urlopen("http://127.0.0.1:9877/metrics", timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def state():
    return shown("ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts", "Result", "StatusText")


def of_process(pid):
    """What the kernel says of the process: its status, limits and mounts."""
    folder = Path("/proc", str(pid))
    return {"status": [(task / "status").read_text() for task in (folder / "task").iterdir()],
            "limits": (folder / "limits").read_text(), "mounts": (folder / "mountinfo").read_text()}


def installation():
    done = run("dpkg", "--install", "/forkmon.deb")
    return {"dpkg": done, "state": state(), "metrics": metrics(), "process": of_process(main_pid()),
            "security": run("systemd-analyze", "security", "--no-pager", "forkmon")["output"]}


def reload():
    """The new configuration has the findings written to a file."""
    before = main_pid()
    with CONFIG.open("a") as config:
        config.write(f'output = "{FINDINGS}"\n')
    done = run("systemctl", "reload", "forkmon")
    counted = until(lambda: 'forkmon_config_reloads_total{result="success"} 1' in metrics())
    run("python3", DEMO)
    until(lambda: FINDINGS.exists() and FINDINGS.read_text(), 20)
    return {"systemctl": done, "counted": counted, "same_process": main_pid() == before,
            "findings": FINDINGS.read_text() if FINDINGS.exists() else "", "metrics": metrics()}


def mistake():
    """The agent keeps the old configuration where the new one is wrong."""
    good, before = CONFIG.read_text(), main_pid()
    CONFIG.write_text("no-such-key = 1\n")
    run("systemctl", "reload", "forkmon")
    counted = until(lambda: 'forkmon_config_reloads_total{result="failure"} 1' in metrics())
    CONFIG.write_text(good)
    return {"counted": counted, "same_process": main_pid() == before, "state": state()}


def watchdog():
    """With a shorter time than the unit's, so that nobody waits for a minute."""
    drop_in = Path("/etc/systemd/system/forkmon.service.d/shorter.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=10s\nRestartSec=1s\n")
    configured = shown("WatchdogUSec", "RestartUSec")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "forkmon")
    before = main_pid()
    os.kill(before, 19)  # SIGSTOP
    restarted = until(lambda: shown("NRestarts")["NRestarts"] == "1" and metrics(), 90)
    seen = {"configured": configured, "restarted": restarted, "state": state(), "before": before,
            "journal": run("journalctl", "--no-pager", "--unit=forkmon", "--output=cat")["output"]}
    drop_in.unlink()
    drop_in.parent.rmdir()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "forkmon")
    return seen


def upgrade():
    """With perf events as other distributions have them, for which CAP_PERFMON is enough."""
    Path("/proc/sys/kernel/perf_event_paranoid").write_text("2")
    before = main_pid()
    done = run("dpkg", "--force-confold", "--install", "/newer.deb")
    return {"dpkg": done, "before": before, "state": state(), "config": CONFIG.read_text(),
            "metrics": metrics(), "process": of_process(main_pid()),
            "version": run("dpkg-query", "--show", "--showformat=${Version}", "forkmon")["output"]}


def left():
    """What is called forkmon in the folders of packages and of systemd, and the probes in tracefs."""
    found = [str(path) for place in PLACES for path in Path(place).rglob("*forkmon*")]
    probes = Path("/sys/kernel/tracing/uprobe_events").read_text()
    return {"files": found, "probes": re.findall(r".*forkmon.*", probes),
            "processes": [str(comm) for comm in Path("/proc").glob("[0-9]*/comm")
                          if comm.read_text() == "forkmon\n"]}


def removal():
    done = run("dpkg", "--remove", "forkmon")
    seen = {"dpkg": done, "state": state(), "config_kept": CONFIG.exists(), "findings_kept": FINDINGS.exists()}
    return seen | {"left": left()}


def purge():
    return {"dpkg": run("dpkg", "--purge", "forkmon"), "left": left(),
            "failed": run("systemctl", "--failed", "--no-legend", "--plain")["output"]}


def main():
    seen = {"init": Path("/proc/1/comm").read_text().strip(), "seconds": {},
            "perf_event_paranoid": int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())}
    for step in (installation, reload, mistake, watchdog, upgrade, removal, purge):
        started = time.monotonic()
        try:
            seen[step.__name__] = step()
        except (OSError, ValueError, KeyError) as error:
            seen[step.__name__] = {"error": repr(error)}
        seen["seconds"][step.__name__] = round(time.monotonic() - started, 1)
        print(step.__name__, json.dumps(seen[step.__name__]), flush=True)
    with open("/dev/ttyS1", "wb", buffering=0) as port:
        tty.setraw(port)
        port.write(json.dumps(seen).encode())


if __name__ == "__main__":
    main()
