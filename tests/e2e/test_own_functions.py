# SPDX-License-Identifier: MIT
"""[[function]] of the configuration: functions of the user's own."""

import pytest

from harness import by_child, check_truths, forkmon, json_lines, trace_command, workload

FUNCTION = """
[[function]]
name = "app_log"
library = "own_function"
category = "locks"
severity = "high"
advice = "Log before the fork."
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "forkmon.toml"
    path.write_text(FUNCTION)
    return path


def test_calls_are_counted_as_the_user_says(tmp_path, config):
    session = trace_command(tmp_path, workload("own_function"), options=["--config", config])
    [truth] = json_lines(session.stdout)
    check_truths([truth], session.findings)
    [call] = session.of_kind("unsafe_call")
    assert call["severity"] == "high"
    assert call["category"] == "locks"
    assert call["protected"] is False
    assert by_child(session.findings)[truth["child"]].end["exact"] is True


def test_the_advice_is_the_users(tmp_path, config):
    done = forkmon("--trace", "--config", config, "--", workload("own_function"))
    assert "Log before the fork." in done.stderr


def test_without_it_they_are_nobodys_business(tmp_path):
    session = trace_command(tmp_path, workload("own_function"))
    assert session.stdout, session.stderr
    assert not session.of_kind("unsafe_call")
