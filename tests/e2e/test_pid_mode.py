# SPDX-License-Identifier: MIT
"""`forkmon --trace -p PID`: a family that runs already."""

import pytest

from harness import TIMEOUT, Running, Trace, check_truths, workload


@pytest.mark.parametrize("name", ["hold_then_fork", "hold_threads"])
def test_running_process_is_watched_exactly(tmp_path, name):
    with Running([workload(name)]) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())


def test_others_are_not_reported(tmp_path):
    with Running([workload("hold_then_fork")]) as target, Running(
            [workload("hold_then_fork")]) as other:
        pid = target.first_line()["pid"]
        other.first_line()
        with Trace(tmp_path, "-p", pid) as trace:
            other.go_on()
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0, trace.stderr()
            check_truths(truths, trace.findings())


def test_interrupt_ends_the_trace_and_not_the_process(tmp_path):
    with Running([workload("hold_then_fork")]) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid) as trace:
            assert trace.end() == 0, trace.stderr()
            assert trace.findings() == []
        assert target.process.poll() is None
        target.go_on()


def test_same_process_can_be_watched_twice_in_turn(tmp_path):
    with Running([workload("hold_then_fork")]) as target:
        pid = target.first_line()["pid"]
        with Trace(tmp_path, "-p", pid) as trace:
            assert trace.end() == 0
        with Trace(tmp_path, "-p", pid) as trace:
            truths = target.go_on()
            assert trace.process.wait(TIMEOUT) == 0
            check_truths(truths, trace.findings())
