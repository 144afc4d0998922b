# SPDX-License-Identifier: MIT
"""The portable tarball in a clean Debian, beside busybox, and where there is nothing else: it works there, and finds
what the installed package finds."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from clean_root import Root
from harness import Running, findings_in, free_port, json_lines, run, wait_until, workload
from stuck_harness import deadlocks_so_far, wait_for_deadlock

PROGRAM = "/opt/forkmon/forkmon"
WORKLOADS = ("malloc_1000", "deadlock_mutex")
RUNS = 2
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib64")
MEGABYTE = 1 << 20


def unpack(tarball, root):
    with tarfile.open(tarball) as archive:
        archive.extractall(root.path("/opt"))
    (folder,) = root.path("/opt").glob("forkmon-*")
    folder.rename(root.path("/opt/forkmon"))


def copy_workloads(root):
    root.path("/workloads").mkdir(exist_ok=True)
    for name in WORKLOADS:
        shutil.copy(workload(name), root.path("/workloads"))


def copy_libraries(clean_root, root):
    """The C library of that Debian, for the workloads; forkmon has its own."""
    for name in ("lib", "lib64"):
        root.path(name).symlink_to(f"usr/{name}")
    for library in ("usr/lib/x86_64-linux-gnu/libc.so.6", "usr/lib64/ld-linux-x86-64.so.2"):
        copy = root.path(library)
        copy.parent.mkdir(parents=True)
        shutil.copy(clean_root.path(library), copy)


def empty(folder, clean_root):
    root = Root(folder)
    for name in ("proc", "sys", "opt", "usr"):
        root.path(name).mkdir(parents=True)
    copy_libraries(clean_root, root)
    return root


def with_busybox(folder, clean_root):
    root = empty(folder, clean_root)
    root.path("/bin").mkdir()
    shutil.copy("/bin/busybox", root.path("/bin/busybox"))
    root.path("/bin/sh").symlink_to("busybox")
    return root


@pytest.fixture(scope="module", params=["debian", "busybox", "empty"])
def portable(request, clean_root, tarball, tmp_path_factory):
    """A root with the unpacked tarball and the workloads."""
    make = {"debian": lambda folder, debian: debian, "busybox": with_busybox, "empty": empty}[request.param]
    root = make(tmp_path_factory.mktemp("roots") / request.param, clean_root)
    unpack(tarball, root)
    copy_workloads(root)
    yield root
    for path in ("/opt/forkmon", "/workloads"):
        shutil.rmtree(root.path(path))


def findings_of(root, program, name):
    """The findings about a workload in the root; one that gets stuck is let go once its deadlock is found."""
    output = root.path("/findings.json")
    output.unlink(missing_ok=True)
    command = root.command(program, "--trace", "--format=json", "-o", "/findings.json", "--", f"/workloads/{name}")
    with Running(command, errors_to=root.path("/errors")) as traced:
        if name.startswith("deadlock"):
            traced.first_line()
            wait_for_deadlock(traced, lambda: deadlocks_so_far(output))
        traced.process.communicate(b"x", timeout=60)
        assert traced.process.returncode == 0, traced.stderr()
    return findings_in(output)


def without_chance(findings):
    """What does not differ from run to run: no times, addresses, and numbers of processes and threads."""
    lines = []
    for finding in findings:
        text = json.dumps({key: value for key, value in finding.items()
                           if key not in ("time", "since_fork_us", "waited_ms", "lifetime_us")}, sort_keys=True)
        numbers = [finding["parent"]["pid"], finding["child"]["pid"], (finding.get("owner") or {}).get("tid")]
        for number, name in zip(numbers, ("PARENT", "CHILD", "OWNER")):
            text = re.sub(rf"\b{number}\b", name, text)
        lines.append(re.sub(r"0x[0-9a-f]+", "ADDRESS", text))
    return sorted(lines)


@pytest.fixture(scope="module")
def expected(clean_root, package):
    """{workload: what the installed package finds, in each of some runs}: on a busy machine a run may say that it came
    too late for something."""
    clean_root.install(package)
    copy_workloads(clean_root)
    yield {name: [without_chance(findings_of(clean_root, "forkmon", name)) for _ in range(RUNS)] for name in WORKLOADS}
    shutil.rmtree(clean_root.path("/workloads"), ignore_errors=True)
    clean_root.checked("dpkg", "--purge", "forkmon")


def test_version_and_sensors(portable, tarball):
    version = re.match(r"forkmon-(.+)-linux-", tarball.name)[1]
    assert portable.checked(PROGRAM, "--version").stdout == f"forkmon {version}\n"
    checked = portable.checked(PROGRAM, "--check").stdout
    for sensor in ("lifecycle", "probes", "page_faults"):
        assert re.search(rf"^{sensor} +usable ", checked, re.MULTILINE), checked


@pytest.mark.parametrize("name", WORKLOADS)
def test_findings_are_those_of_the_package(expected, portable, name):
    found = [without_chance(findings_of(portable, PROGRAM, name)) for _ in range(RUNS)]
    assert [run for run in found if run in expected[name]], (found[0], expected[name][0])


def test_deadlock_has_its_stacks(portable):
    (deadlock,) = [f for f in findings_of(portable, PROGRAM, "deadlock_mutex") if f["kind"] == "deadlock"]
    assert deadlock["proof"] is True
    functions = [frame["function"] for frame in deadlock["stack"]]
    assert "take" in functions and functions[-1] == "_start", functions
    assert "hold" in [frame["function"] for frame in deadlock["owner_stack"]]


def test_agent_is_seen_by_its_own_name(portable):
    """By a link, as it is installed: the program finds its libraries from where it really is."""
    link = portable.path("/usr/local/sbin/forkmon")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(PROGRAM)
    command = portable.command("/usr/local/sbin/forkmon", f"--listen=127.0.0.1:{free_port()}")
    with Running(command, errors_to=portable.path("/errors")) as agent:
        wait_until(lambda: "watching" in agent.stderr(), "it watches")
        process = Path("/proc", str(agent.pid))
        assert (process / "comm").read_text() == "forkmon\n"
        assert (process / "cmdline").read_text().startswith("/usr/local/sbin/forkmon\0--listen=")
        assert str((process / "exe").readlink()).endswith(PROGRAM)
        assert agent.end() == 0, agent.stderr()
    link.unlink()


def test_libraries_that_are_gone_are_told(portable):
    portable.path("/opt/forkmon/lib").rename(portable.path("/opt/forkmon/elsewhere"))
    done = portable.run(PROGRAM, "--version")
    portable.path("/opt/forkmon/elsewhere").rename(portable.path("/opt/forkmon/lib"))
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "forkmon: cannot open lib/ld-linux-x86-64.so.2, which must lie beside the program\n"


def test_tarball_has_all_that_a_release_needs(tarball):
    assert tarball.stat().st_size < 25 * MEGABYTE
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
        unit = archive.extractfile(f"{members[0].name.split('/')[0]}/forkmon.service").read().decode()
    names = {member.name.partition("/")[2] for member in members}
    assert {"forkmon", "forkmon.8", "forkmon.toml", "LICENSE", "README.md", "sbom.cdx.json",
            "completions/forkmon.bash", "lib/libc.so.6", "licenses/libc6/copyright"} <= names
    assert {(member.uid, member.gid, member.mode & 0o022) for member in members} == {(0, 0, 0)}
    assert "\nExecStart=/usr/local/sbin/forkmon\n" in unit


def test_every_library_has_its_licence_and_is_in_the_bill(tarball):
    with tarfile.open(tarball) as archive:
        bill = json.load(archive.extractfile(f"{tarball.name.removesuffix('.tar.gz')}/sbom.cdx.json"))
        names = {member.name.partition("/")[2] for member in archive.getmembers()}
    components = bill["components"]
    assert {f"licenses/{component['name']}/copyright" for component in components} <= names
    listed = {file["name"] for component in components for file in component.get("components", [])}
    assert len(listed) == len([name for name in names if name.startswith("lib/")])
    assert {"libbpf1", "libc6", "nlohmann-json3-dev", "libiberty-dev"} <= {c["name"] for c in components}
    assert all(component["licenses"] and component["purl"] for component in components)
