# SPDX-License-Identifier: MIT
"""The image of the portable program, built by buildah and run by runc, as a container that sees the host's processes."""

import json
import re
import tarfile

import pytest

from harness import ROOT, TIMEOUT, Running, check_truths, json_lines, run, wait_until, workload
from oci_container import Container


def checked(*arguments):
    done = run(*arguments, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(tarball, tmp_path_factory):
    """(the image's root in a folder, its entry point)"""
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(tarball) as archive:
        archive.extractall(folder)
    buildah = ["buildah", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs"]
    checked(*buildah, "bud", "--isolation=chroot", "-f", ROOT / "deploy/Containerfile.portable", "-t", "forkmon",
            folder / tarball.name.removesuffix(".tar.gz"))
    container = checked(*buildah, "from", "--pull-never", "localhost/forkmon")
    described = json.loads(checked(*buildah, "inspect", "--type=image", "localhost/forkmon"))
    yield checked(*buildah, "mount", container), described["OCIv1"]["config"]["Entrypoint"]
    checked(*buildah, "umount", container)


def see_the_host(config):
    """The host's processes, and the privileges that docs/install.md asks for."""
    names = ["CAP_" + name for name in
             ("BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE", "SYS_NICE")]
    config["process"]["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
    config["linux"]["namespaces"] = [{"type": "mount"}]
    bind = {"type": "none", "options": ["rbind", "ro"]}
    config["mounts"] += [{"destination": "/sys", "source": "/sys", **bind},
                         {"destination": "/sys/kernel/tracing", "source": "/sys/kernel/tracing", "type": "none",
                          "options": ["rbind", "rw"]}]


def in_container(image, folder, *arguments):
    root, entry_point = image
    return Container(folder, root, *entry_point, *arguments, change=see_the_host)


def test_check(image, tmp_path):
    with in_container(image, tmp_path, "--check") as container:
        done = run(*container.command)
    assert done.returncode == 0, done.stdout + done.stderr
    for sensor in ("lifecycle", "probes", "page_faults"):
        assert re.search(rf"^{sensor} +usable ", done.stdout, re.MULTILINE), done.stdout


def test_trace_of_a_process_of_the_host(image, tmp_path):
    with Running([workload("hold_then_fork")]) as target:
        pid = target.first_line()["pid"]
        with in_container(image, tmp_path, "--trace", "--format=json", "-p", pid) as container, \
                Running(container.command, errors_to=tmp_path / "stderr") as trace:
            wait_until(lambda: "forkmon: watching" in trace.stderr(), "forkmon watches")
            truths = target.go_on()
            found, _ = trace.process.communicate(timeout=TIMEOUT)
            assert trace.process.returncode == 0, trace.stderr()
    check_truths(truths, json_lines(found.decode()))
