# SPDX-License-Identifier: MIT
"""Programs whose files lie on overlayfs, btrfs, images and the like: they are seen as on a plain file
system, whatever paths and layers lead to a file."""

import os
import shutil

import pytest

from harness import (TIMEOUT, Agent, Running, Trace, by_child, check_children, check_truths,
                     run, trace_command, wait_until, workload)
from own_libraries import library
from storage import Storage, libc_in, make, needs_file_system
from stuck_harness import check_deadlock, check_killed, functions, only_deadlock, trace_stuck

PQEXEC = "void PQexec(void) { __asm__ volatile(\"\"); }\n"
# At another place in the file: code that is taken for the other file's has another name here.
PQEXEC_ELSEWHERE = "".join(f"int other_{i}(int a) {{ return a * {i} + 1; }}\n" for i in range(64)) + PQEXEC


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    with Storage(tmp_path_factory.mktemp("storage")) as made:
        yield made


def chroot(root, program, *arguments):
    return ["chroot", root, f"/{program}", *arguments]


def touch_up(path):
    """Has the overlay copy the file up: the bytes stay the same."""
    with open(path, "r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(first)


def nested(storage):
    return storage.overlay(lower=[storage.overlay()], upper_in=storage.tmpfs())


def copied_up(storage):
    root = storage.overlay()
    touch_up(libc_in(root))
    return root


def metadata_copied_up(storage):
    root = storage.overlay(options=["metacopy=on"])
    libc_in(root).chmod(0o700)
    return root


def of_many_layers(storage):
    layers = [storage.new_folder("layer") for _ in range(8)]
    return storage.overlay(lower=[*layers, storage.lower])


ROOTS = {
    "overlay": lambda storage: storage.overlay(),
    "overlay_on_two_file_systems": lambda storage: storage.overlay(upper_in=storage.tmpfs()),
    "overlay_of_many_layers": of_many_layers,
    "overlay_nested": nested,
    "overlay_copied_up": copied_up,
    "overlay_metacopy": metadata_copied_up,
    "bind": lambda storage: storage.bind(),
    "tmpfs": lambda storage: storage.on_tmpfs(),
    "squashfs": lambda storage: storage.image("squashfs", "mksquashfs", "{root}", "{image}", "-quiet"),
    "erofs": lambda storage: storage.image("erofs", "mkfs.erofs", "--quiet", "{image}", "{root}"),
}


@pytest.mark.parametrize("kind", ROOTS)
def test_command_on_it_is_counted_exactly(storage, kind, tmp_path):
    session = trace_command(tmp_path, *chroot(ROOTS[kind](storage), "malloc_1000"))
    assert session.returncode == 0, session.stderr
    check_truths(session.truths(), session.findings)
    assert "not watched" not in session.stderr


def test_lower_layer_that_is_known_already_is_counted_once(storage, tmp_path):
    """The host's own C library, by another path."""
    root = storage.overlay(lower=["/"])
    session = trace_command(tmp_path, *chroot(root, workload("malloc_1000").lstrip("/")))
    assert session.returncode == 0, session.stderr
    check_truths(session.truths(), session.findings)


@pytest.mark.parametrize("option", ["--probe=all", "--probe=auto"])
def test_two_containers_with_one_lower_layer(storage, option, tmp_path):
    """Beside a session, or the agent: what it has learnt of one holds for the other."""
    roots = [storage.overlay(), storage.overlay(upper_in=storage.tmpfs())]
    with Trace(tmp_path, option) as trace:
        truths = [run_suspect(trace, roots[0]), run_suspect(trace, roots[1])]
        assert trace.end() == 0
        check_children([truth for of_root in truths for truth in of_root], trace.findings())


def run_suspect(trace, root):
    """Its truths: those of the children that it forked when the trace had seen its first one."""
    with Running(chroot(root, "suspect")) as target:
        first = target.first_line()["first"]
        wait_until(lambda: not os.path.exists(f"/proc/{first}/cwd"), "the first child ends")
        return target.go_on()


def run_suspect_of(agent, root):
    """How many of its children were counted exactly, which must be all of them."""
    with Running(chroot(root, "suspect")) as target:
        target.first_line()
        wait_until(lambda: agent.metric("armed_families") >= 1, "the suspect is armed")
        truths = target.go_on()
    wait_until(lambda: {t["child"] for t in truths} <= set(by_child(agent.findings())),
               "all its children are reported")
    check_children(truths, agent.findings())
    wait_until(lambda: agent.metric("armed_families") == 0, "it is let go")
    return len(truths)


def test_agent_beside_containers(storage, tmp_path):
    with Agent(tmp_path) as agent:
        for root in (storage.overlay(), copied_up(storage)):
            assert run_suspect_of(agent, root) == 10
        assert agent.metric("unresolved_probe_hits_total") == 0


def test_file_that_is_copied_up_while_it_is_mapped(storage, tmp_path):
    """What the overlay shows is then another file than the process has mapped."""
    root = storage.overlay()
    with Running(chroot(root, "hold_then_fork")) as target:
        pid = target.first_line()["pid"]
        touch_up(libc_in(root))
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())
            assert {f["stack"][0]["function"] for f in trace.findings()
                    if f["kind"] == "unsafe_call"} == {"malloc", "free"}


def out_of_reach(storage):
    """An overlay whose lower layer is not where it was when it was mounted."""
    lower = storage.new_folder("layer")
    shutil.copytree(storage.lower, lower, dirs_exist_ok=True)
    root = storage.overlay(lower=[lower])
    lower.rename(lower.with_name(f"{lower.name}.moved"))
    return root


def test_mapped_file_that_cannot_be_reached_is_said(storage, tmp_path):
    root = out_of_reach(storage)
    with Running(chroot(root, "hold_then_fork")) as target:
        pid = target.first_line()["pid"]
        touch_up(libc_in(root))
        with Trace(tmp_path, "-p", pid, "--all") as trace:
            [truth] = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            assert "libc.so.6: replaced or copied up since it was mapped" in trace.stderr()
            check_nothing_claimed(truth, trace.findings())


def check_nothing_claimed(truth, findings):
    child = by_child(findings)[truth["child"]].end
    assert child["exact"] is False
    assert child["calls"] == {}


def test_file_that_is_copied_up_between_two_armings(storage, tmp_path):
    """The kernel looks at what the overlay shows whenever it puts probes into the file anew."""
    root = out_of_reach(storage)
    with Agent(tmp_path, "--all") as agent, Running(chroot(root, "child_per_byte")) as later:
        later.first_line()
        assert run_suspect_of(agent, root) == 10
        touch_up(libc_in(root))
        for _ in range(10):  # its children are offences, so that it is to be armed
            child = later.next_truth()["child"]
            wait_until(lambda: child in by_child(agent.findings()), "the child is reported")
            assert by_child(agent.findings())[child].end["exact"] is False
        assert run_suspect_of(agent, root) == 10, "the copy is another file, which can be probed"


def test_library_that_is_changed_in_a_snapshot(storage, tmp_path):
    """The two have one device and one inode number, as subvolumes of a btrfs count alike."""
    original = storage.btrfs() / "lower"
    shutil.copy(library(tmp_path, PQEXEC, "libpq.so.5"), original)
    changed = storage.snapshot(original)
    (changed / "libpq.so.5").write_bytes(
        library(tmp_path, PQEXEC_ELSEWHERE, "libpq.so.5").read_bytes())
    roots = (original, changed, original)
    assert len({(root / "libpq.so.5").stat().st_ino for root in roots}) == 1
    held = "(sleep 1; echo) | chroot {} /dlopen_then_fork /libpq.so.5 700000"
    session = trace_command(tmp_path, "sh", "-c", "; ".join(held.format(root) for root in roots))
    truths = [truth for truth in session.truths() if "child" in truth]
    assert len(truths) == len(roots)
    check_truths(truths, session.findings)
    assert [f["stack"][0]["function"] for f in session.of_kind("unsafe_call")] == ["PQexec"] * 3


def test_library_in_memory(tmp_path):
    """A file that no directory has: memfd_create(2)."""
    script = ("import os, sys\n"
              "fd = os.memfd_create('library', 0)\n"
              "os.write(fd, open(sys.argv[1], 'rb').read())\n"
              "os.execv(sys.argv[2], [sys.argv[2], f'/proc/self/fd/{fd}', '0'])\n")
    session = trace_command(tmp_path, "/usr/bin/python3", "-c", script,
                            library(tmp_path, PQEXEC, "libpq.so.5"), workload("dlopen_then_fork"),
                            input="x")
    assert session.returncode == 0, session.stderr
    check_truths([truth for truth in session.truths() if "child" in truth], session.findings)


@pytest.mark.parametrize("replaced", [False, True])
def test_library_that_is_deleted_or_replaced_while_it_is_mapped(storage, replaced, tmp_path):
    root = storage.on_tmpfs()
    with Running(chroot(root, "hold_then_fork")) as target:
        pid = target.first_line()["pid"]
        libc = libc_in(root)
        libc.unlink()
        if replaced:
            shutil.copy(libc_in(storage.lower), libc)
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())


def test_deadlock_in_a_container(storage, tmp_path):
    root = storage.overlay()
    truth, session = trace_stuck(tmp_path, *chroot(root, "deadlock_mutex"))
    finding = only_deadlock(session)
    check_deadlock(finding, truth)
    assert {"take", "main"} <= set(functions(finding["stack"]))
    assert functions(finding["owner_stack"])
    check_killed(session, truth)


def test_file_system_in_user_space_is_said(storage, tmp_path):
    needs_file_system("fuse")
    root, upper = storage.new_folder("fuse"), storage.new_folder("upper")
    for name in ("u", "w"):
        (upper / name).mkdir()
    options = f"lowerdir={storage.lower},upperdir={upper}/u,workdir={upper}/w"
    make("fuse-overlayfs", "-o", options, root)
    storage.callback(run, "umount", "--lazy", root)
    session = trace_command(tmp_path, *chroot(root, "malloc_1000"), options=["--all"])
    assert session.returncode == 0, session.stderr
    [truth] = session.truths()
    assert "user space" in session.stderr
    check_nothing_claimed(truth, session.findings)
