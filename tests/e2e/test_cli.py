# SPDX-License-Identifier: MIT
"""The command line: exit statuses, filters, what is printed where."""

import os
import re
from pathlib import Path

import pytest

from harness import (FORKMON, Running, Trace, assert_one_line, assert_printable, by_child,
                     forkmon, json_lines, run, trace_command, wait_until, workload)


@pytest.mark.parametrize("script,status", [
    ("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + 15), ("kill -KILL $$", 128 + 9),
])
def test_status_is_that_of_the_command(script, status):
    assert forkmon("--trace", "--", "sh", "-c", script).returncode == status


def test_command_not_found():
    assert_one_line(forkmon("--trace", "--", "/nonexistent/program"), 127, "/nonexistent/program")
    assert_one_line(forkmon("--trace", "--", "no-such-program-in-path"), 127, "no-such-program")


def test_command_not_executable(tmp_path):
    (tmp_path / "file").write_text("not a program\n")
    assert_one_line(forkmon("--trace", "--", tmp_path / "file"), 126, "permission denied")
    assert_one_line(forkmon("--trace", "--", tmp_path), 126, "permission denied")


def test_command_reads_stdin_and_writes_stdout_untouched():
    done = forkmon("--trace", "--", "cat", input="as it was\n")
    assert done.stdout == "as it was\n"


@pytest.mark.parametrize("arguments", [
    ["--no-such-option"], ["--format", "xml"], ["--probe=some"], ["-p", "1", "--", "true"],
    ["-p", "one"], ["-p", "-1"], ["--trace", "--fail-severity", "mild", "--", "true"],
    ["--error-exitcode", "256", "--trace", "--", "true"], ["--listen", "nonsense"], ["surplus"],
])
def test_wrong_usage_is_status_2(arguments):
    assert_one_line(forkmon(*arguments), 2, r"\w")


@pytest.mark.parametrize("name,fail_severity,status", [
    ("malloc_1000", None, 9), ("malloc_1000", "warning", 9), ("malloc_1000", "high", 0),
    ("exit_in_child", "high", 9), ("exit_in_child", "critical", 0), ("fork_exec", "info", 0),
])
def test_error_exitcode(tmp_path, name, fail_severity, status):
    options = ["--error-exitcode", "9"]
    if fail_severity:
        options += ["--fail-severity", fail_severity]
    assert trace_command(tmp_path, workload(name), options=options).returncode == status


def test_all_reports_children_that_did_nothing_wrong(tmp_path):
    assert trace_command(tmp_path, workload("tainted_and_idle")).findings == []
    session = trace_command(tmp_path, workload("tainted_and_idle"), options=["--all"])
    [child] = session.findings
    assert child["kind"] == "child"
    assert child["severity"] == "info"
    assert child["calls"] == {}
    assert child["exact"] is True


def test_all_reports_children_that_exec(tmp_path):
    [child] = trace_command(tmp_path, workload("fork_exec"), options=["--all"]).findings
    assert (child["kind"], child["outcome"], child["calls"]) == ("child", "exec", {})


def test_command_runs_as_user(tmp_path):
    done = trace_command(tmp_path, "sh", "-c", "id -u; id -g; id -G", options=["--user", "nobody"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "65534\n65534\n65534\n"


def test_user_that_does_not_exist():
    assert_one_line(forkmon("--trace", "--user", "no-such-user", "--", "true"), 1, "no-such-user")


def run_two_and_trace(tmp_path, *options, first=(), second=()):
    """Runs malloc_1000 and setenv_in_child beside a trace with filters; the children found."""
    with Trace(tmp_path, "--probe=all", *options) as trace:
        truths = [json_lines(run(*before, workload(name)).stdout)[0]["child"]
                  for before, name in ((first, "malloc_1000"), (second, "setenv_in_child"))]
        assert trace.end() == 0, trace.stderr()
        return truths, set(by_child(trace.findings()))


def test_filter_by_comm(tmp_path):
    (first, _), found = run_two_and_trace(tmp_path, "--comm", "malloc_1000")
    assert found == {first}


def test_filter_by_name_of_the_executable(tmp_path):
    (first, _), found = run_two_and_trace(tmp_path, "--exe", "malloc_1000")
    assert found == {first}


def run_living_and_trace(tmp_path, *options, before=()):
    """Traces hold_then_fork, which lives until it is found, and malloc_1000, which does not."""
    command = [*before, workload("hold_then_fork")]
    with Trace(tmp_path, "--probe=all", *options) as trace, Running(command) as target:
        target.first_line()
        first = target.next_truth()["child"]
        wait_until(lambda: first in by_child(trace.findings()), "the child is found")
        run(workload("malloc_1000"))
        assert trace.end() == 0, trace.stderr()
        return first, set(by_child(trace.findings()))


def test_filter_by_path_of_the_executable(tmp_path):
    first, found = run_living_and_trace(tmp_path, "--exe", workload("hold_then_fork"))
    assert found == {first}


def test_filters_are_repeatable(tmp_path):
    truths, found = run_two_and_trace(tmp_path, "--comm", "malloc_1000", "--comm",
                                      "setenv_in_child")
    assert found == set(truths)


def test_filter_by_uid(open_path):
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    (first, _), found = run_two_and_trace(open_path, "--uid", "65534", first=as_nobody)
    assert found == {first}


@pytest.fixture
def cgroup():
    """A new cgroup of the unified hierarchy: (its folder, its path in the hierarchy)."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(Path(fields[1]) for fields in mounts if fields[2] == "cgroup2")
    folder = root / f"forkmon-test-{os.getpid()}"
    folder.mkdir()
    yield folder, "/" + folder.name
    folder.rmdir()


def test_filter_by_cgroup(tmp_path, cgroup):
    folder, path = cgroup
    in_cgroup = ("sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$0" "$@"')
    first, found = run_living_and_trace(tmp_path, "--cgroup", path, before=in_cgroup)
    assert found == {first}


def test_filters_apply_to_a_command(tmp_path):
    script = f"{workload('malloc_1000')}; {workload('setenv_in_child')}"
    session = trace_command(tmp_path, "sh", "-c", script, options=["--comm", "setenv_in_child"])
    assert set(by_child(session.findings)) == {session.truths()[1]["child"]}


def test_check_has_a_line_per_sensor():
    done = forkmon("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_printable(done.stdout)
    for sensor in ("lifecycle", "probes"):
        assert re.search(rf"^\W*{sensor}\b", done.stdout, re.MULTILINE), done.stdout


def test_version_and_help():
    assert re.fullmatch(r"forkmon \d+\.\d+\.\d+\n", forkmon("--version").stdout)
    done = forkmon("--help")
    assert done.returncode == 0
    for option in ("--trace", "--check", "--format", "--output", "--probe", "--error-exitcode",
                   "--fail-severity", "--all", "--comm", "--exe", "--cgroup", "--uid", "--user",
                   "--listen", "--config"):
        assert option in done.stdout


def test_table_is_on_stderr_with_a_summary():
    done = forkmon("--trace", "--", workload("exit_in_child"))
    assert_printable(done.stderr)
    assert json_lines(done.stdout)[0]["at_least"] == {"exit": 1}
    assert re.search(r"high.*exit", done.stderr, re.IGNORECASE)
    assert re.search(r"tainted children +[1-9]", done.stderr)


def test_table_columns_line_up():
    lines = forkmon("--trace", "--", workload("malloc_1000")).stderr.splitlines()
    [malloc] = [line for line in lines if "calls malloc" in line]
    [free] = [line for line in lines if "calls free" in line]
    header = next(line for line in lines if "SEVERITY" in line)
    assert malloc.index("calls") == free.index("calls") == header.index("WHAT")


def test_table_is_coloured_on_a_terminal_only():
    command = f"{FORKMON} --trace -- {workload('exit_in_child')}"
    assert "\x1b[" in run("script", "-qec", command, "/dev/null").stdout
    assert "\x1b[" not in run("sh", "-c", command).stderr
