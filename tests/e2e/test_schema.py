# SPDX-License-Identifier: MIT
"""docs/finding.schema.json describes every line that forkmon writes, and refuses others."""

import copy
import json

import pytest

from harness import ROOT, trace_command, workload
from stuck_harness import trace_stuck

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def schema():
    text = json.loads((ROOT / "docs/finding.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def errors(schema, finding):
    return [f"{error.json_path}: {error.message}" for error in schema.iter_errors(finding)]


def check_lines(schema, findings):
    """Each line is as the schema says, and would not be if one of its fields were missing."""
    for finding in findings:
        assert errors(schema, finding) == []
        for field in set(finding) - {"advice", "cgroup"}:
            less = copy.deepcopy(finding)
            del less[field]
            assert errors(schema, less), f"{finding['kind']} without {field}"


def test_lines_of_unsafe_calls_fit_the_schema(tmp_path, schema):
    session = trace_command(tmp_path, workload("setenv_in_child"))
    assert {"unsafe_call", "child"} <= {finding["kind"] for finding in session.findings}
    check_lines(schema, session.findings)


def test_lines_of_a_deadlock_fit_the_schema(tmp_path, schema):
    _, session = trace_stuck(tmp_path, workload("deadlock_mutex"))
    assert {"deadlock", "child"} <= {finding["kind"] for finding in session.findings}
    check_lines(schema, session.findings)


def test_lines_of_a_suspected_deadlock_fit_the_schema(tmp_path, schema):
    _, session = trace_stuck(tmp_path, workload("freed_child"))
    assert "deadlock" in {finding["kind"] for finding in session.findings}
    check_lines(schema, session.findings)
