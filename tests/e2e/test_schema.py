# SPDX-License-Identifier: MIT
"""docs/finding.schema.json describes every line that forkmon writes, and refuses others."""

import copy

from harness import schema_errors, trace_command, workload
from stuck_harness import trace_stuck


def check_lines(findings):
    """The harness has held the lines to the schema; it would refuse them without any field."""
    for finding in findings:
        for field in set(finding) - {"advice", "cgroup"}:
            less = copy.deepcopy(finding)
            del less[field]
            assert schema_errors(less), f"{finding['kind']} without {field}"


def test_lines_of_unsafe_calls_fit_the_schema(tmp_path):
    session = trace_command(tmp_path, workload("setenv_in_child"))
    assert {"unsafe_call", "child"} <= {finding["kind"] for finding in session.findings}
    check_lines(session.findings)


def test_lines_of_a_deadlock_fit_the_schema(tmp_path):
    _, session = trace_stuck(tmp_path, workload("deadlock_mutex"))
    assert {"deadlock", "child"} <= {finding["kind"] for finding in session.findings}
    check_lines(session.findings)


def test_lines_of_a_suspected_deadlock_fit_the_schema(tmp_path):
    _, session = trace_stuck(tmp_path, workload("freed_child"))
    assert "deadlock" in {finding["kind"] for finding in session.findings}
    check_lines(session.findings)


def test_lines_of_a_rate_limit_fit_the_schema(tmp_path):
    session = trace_command(tmp_path, workload("many_forks"), options=["--log-burst", "1"])
    assert "suppressed" in {finding["kind"] for finding in session.findings}
    check_lines(session.findings)
