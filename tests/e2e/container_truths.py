# SPDX-License-Identifier: MIT
"""What is found in containers, compared with what their workloads say. These know the pids of their namespace alone."""

import contextlib
import shlex

from harness import (FORKMON, TIMEOUT, Running, by_child, check_child, check_truths, findings_in,
                     json_lines, wait_until)
from stuck_harness import check_deadlock, findings_so_far, functions

EXACT_CHILDREN = 20
# A second each: until all processes have the probes, or a family is armed, on a machine that is busy.
MAX_INEXACT = 20
# Of a command's: the first finds the program and its loader, and the second all that these had mapped by then.
MAX_INEXACT_OF_COMMAND = 2


def with_host_pids(truths, findings):
    """The truths of ended children, with the host's pids: both kinds of pids rise from fork to fork."""
    pids = sorted({finding["child"]["pid"] for finding in findings})
    assert len(pids) == len(truths), f"{len(pids)} children found, {len(truths)} were forked"
    ordered = sorted(truths, key=lambda truth: truth["child"])
    return [truth | {"child": pid} for truth, pid in zip(ordered, pids)]


def findings_of(container, findings):
    """Those that name this container."""
    return [finding for finding in findings if finding.get("container") == container.id]


def calls_of(container, findings):
    return [f for f in findings_of(container, findings) if f["kind"] == "unsafe_call"]


def check_container(container, truths, findings):
    """Its children did what they say they did, each call counted once, and nobody else is named after it."""
    mine = findings_of(container, findings)
    children = [truth for truth in truths if "child" in truth]
    check_truths(with_host_pids(children, mine), mine)


def watch_containers(containers, monitor):
    """Runs child_per_byte in each of them beside the monitor. Once the monitor has come to know them, each child is
    exact, and each of its calls counted once."""
    with monitor, contextlib.ExitStack() as stack:
        targets = [stack.enter_context(Running(each.command)) for each in containers]
        before = [warm_up(each, target, monitor.output) for each, target in zip(containers, targets)]
        truths = [[target.next_truth() for _ in range(EXACT_CHILDREN)] for target in targets]
        for target in targets:
            target.process.communicate(timeout=TIMEOUT)
        assert monitor.end() == 0, monitor.stderr()
    for each, first, of_one in zip(containers, before, truths):
        check_last(each, len(first), of_one, monitor.findings())


def warm_up(container, target, output):
    """Has child_per_byte fork until one is told of as exact; returns the truths."""
    target.first_line()
    truths = [target.next_truth()]
    while not is_exact(container, output):
        assert len(truths) < MAX_INEXACT, findings_of(container, findings_so_far(output))
        truths.append(target.next_truth())
    return truths


def trace_in_turn(tmp_path, first, *others):
    """`forkmon -- CMD`, where CMD runs these containers one after the other; the first one, of child_per_byte, shows
    its C library. Nothing but CMD itself waits for forkmon to look. What the others said, and all findings."""
    output = tmp_path / "findings.json"
    script = "; ".join(shlex.join(each.command) for each in (first, *others))
    arguments = [FORKMON, "--trace", "--all", "--format=json", "-o", output, "--", "sh", "-c", script]
    with Running(arguments, errors_to=tmp_path / "stderr") as trace:
        check_first(first, trace, output)
        out, _ = trace.process.communicate(timeout=TIMEOUT)
        assert trace.process.returncode == 0, trace.stderr()
    return json_lines(out.decode()), findings_in(output)


def check_first(container, target, output):
    """child_per_byte, whose C library nobody has seen: a child is exact or says why not, and none is called exact that
    was not seen in full."""
    target.first_line()
    for count in range(1, MAX_INEXACT_OF_COMMAND + 2):
        truth = target.next_truth()
        end = wait_until(lambda: ends_of(container, output)[count - 1:], "the child is told of")[0]
        assert end["calls"] == truth["calls"] if end["exact"] else end["inexact_reason"], end
    assert end["exact"], end


def ends_of(container, output):
    return [f for f in findings_of(container, findings_so_far(output)) if f["kind"] == "child"]


def is_exact(container, output):
    """Within a second."""
    with contextlib.suppress(AssertionError):
        return wait_until(lambda: any(finding.get("exact") for finding in
                                      findings_of(container, findings_so_far(output))), "exact", 1)
    return False


def check_last(container, before, truths, findings):
    """These children; those before may have been seen or not."""
    children = sorted(by_child(findings_of(container, findings)).items())
    assert len(truths) <= len(children) <= len(truths) + before
    for truth, (pid, child) in zip(truths, children[-len(truths):]):
        check_child(truth | {"child": pid}, child)
        assert child.end["exact"] is True


def host_pids_of(container, truth):
    """The host's pids of the stuck child and of its lock's owner, which is a thread of its parent."""
    return {pid: container.host_pid(pid) for pid in (truth["stuck"], truth["owner"]["tid"])}


def check_mutex_deadlock(container, truth, host_pids, findings):
    """deadlock_mutex is proven, with both stacks."""
    [finding] = findings
    owner = truth["owner"] | {"tid": host_pids[truth["owner"]["tid"]]}
    check_deadlock(finding, truth | {"stuck": host_pids[truth["stuck"]], "owner": owner})
    assert finding["container"] == container.id
    assert finding["owner"]["comm"] == "lock holder"
    names = functions(finding["stack"])
    assert "take" in names and "main" in names[names.index("take"):], names
    assert "mutex_lock" in "".join(names[:names.index("take")]), names
    assert {"sleep_for_ever", "hold"} & set(functions(finding["owner_stack"]))
