# SPDX-License-Identifier: MIT
"""The configuration file: its mistakes, its reload, and what docs/configuration.md says of it."""

import os
import re
import signal
import time

import pytest

from harness import (FORKMON, ROOT, Agent, Running, Trace, assert_one_line, assert_printable,
                     by_child, forkmon, json_lines, run, trace_command, wait_until, workload)

ON_THE_COMMAND_LINE_ONLY = {"help", "version", "trace", "check", "pid", "config"}


def config_in(folder, text):
    path = folder / "forkmon.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text,line,why", [
    ("lissten = 'x'", 1, "unknown key lissten"),
    ("\n\n[metrics]\nlisten = 'x'", 3, "unknown key metrics"),
    ("listen = 'nonsense'", 1, "listen: .*nonsense"),
    ("probe = 'auto'\nstack-bytes = '1'", 2, "stack-bytes: a whole number is wanted"),
    ("uid = ['root']", 1, "uid: a whole number"),
    ("log-interval = 0", 1, "log-interval: "),
    ("trace = true", 1, "trace: can be given on the command line only"),
    ("all = maybe", 1, "."),
    ("[[allow]]\nexe = 'a'\nlibrary = 'b'", 3, r"\[\[allow\]\]: unknown key library"),
    ("[[function]]\nname = 'f'\nlibrary = 'l'\ncategory = 'magic'", 4, "category.*magic"),
    ("'\\u001b[31m' = 1", 1, "unknown key"),
    pytest.param("a" + ".a" * 100_000 + " = 1", 1, "longer than", id="long line"),
    pytest.param("a = " + "[" * 4000, 1, "nested", id="nested"),
    pytest.param("\x00\x01\x02", 1, ".", id="control characters"),
])
def test_mistakes_are_one_line_with_a_place(tmp_path, text, line, why):
    config = config_in(tmp_path, text)
    assert_one_line(forkmon("--config", config), 2, f"^forkmon: {config}:{line}: .*{why}")


def test_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, "/dev/zero", tmp_path / "absent"):
        assert_one_line(forkmon("--config", path), 2, str(path))


def test_file_that_is_too_large(tmp_path):
    config = config_in(tmp_path, "# x\n" * 1_000_000)
    assert_one_line(forkmon("--config", config), 2, "larger than")


def test_applies_to_a_trace_and_the_command_line_goes_first(tmp_path):
    config = config_in(tmp_path, "error-exitcode = 9\nfail-severity = 'high'\nall = true\n")
    for more, status in (([], 0), (["--fail-severity", "warning"], 9)):
        session = trace_command(tmp_path, workload("malloc_1000"),
                                options=["--config", config, *more])
        assert session.returncode == status, session.stderr


# Allow-list


def test_allowed_calls_are_counted_and_not_told(tmp_path):
    config = config_in(tmp_path, """
        [[allow]]
        exe = "malloc_1000"
        [[allow]]
        exe = "setenv_in_child"
        function = "se*env"
    """)
    with Agent(tmp_path, "--config", config, "--probe=all") as agent:
        for name in ("malloc_1000", "setenv_in_child", "many_forks"):
            run(workload(name))
        wait_until(lambda: agent.metric("children_total", exe="many_forks") == 100, "all counted")
        assert agent.metric("unsafe_calls_total", exe="malloc_1000") == 0
        assert agent.metric("unsafe_calls_total", function="setenv") == 0
        assert agent.metric("children_total", exe="malloc_1000", outcome="exit") == 1
        wait_until(lambda: agent.metric("findings_allowed_total", kind="unsafe_call") >= 3,
                   "malloc, free, setenv")
        assert agent.end(signal.SIGTERM) == 0
        exes = {finding["parent"]["exe"].rpartition("/")[2] for finding in agent.findings()
                if finding["kind"] in ("unsafe_call", "child")}
        assert "many_forks" in exes and "malloc_1000" not in exes


def test_a_proven_deadlock_cannot_be_allowed(tmp_path):
    config = config_in(tmp_path, "[[allow]]\nexe = '*'\n")
    with Agent(tmp_path, "--config", config) as agent:
        with Running([workload("deadlock_mutex")]) as target:
            target.first_line()
            wait_until(lambda: agent.metric("deadlocked_children", exe="deadlock_mutex") == 1,
                       "it is counted")
            target.end(signal.SIGKILL)
        assert "deadlock" in {finding["kind"] for finding in agent.findings()}


def test_a_trace_counts_what_is_allowed(tmp_path):
    config = config_in(tmp_path, "[[allow]]\nfunction = '*alloc'\n")
    session = trace_command(tmp_path, workload("malloc_1000"), options=["--config", config])
    assert session.functions() == {"free"}
    assert re.search(r"allowed +1 ", session.stderr), session.stderr


# Reload


def reload(agent, expected):
    before = agent.stderr().count(expected)
    agent.process.send_signal(signal.SIGHUP)
    wait_until(lambda: agent.stderr().count(expected) > before, expected)
    assert_printable(agent.stderr())


def test_reload_of_filters_and_allow_list(tmp_path):
    config = config_in(tmp_path, "exe = 'nobody'\nlog-burst = 0\n")
    with Agent(tmp_path, "--config", config, "--probe=all") as agent:
        run(workload("malloc_1000"))
        wait_until(lambda: agent.metric("function_calls_total", function="malloc") >= 1000, "read")
        config.write_text("exe = ['malloc_1000', 'setenv_in_child']\nlog-burst = 0\n"
                          "[[allow]]\nexe = 'malloc_1000'\n")
        reload(agent, f"configuration reloaded from {config}")
        [truth] = json_lines(run(workload("setenv_in_child")).stdout)
        run(workload("malloc_1000"))
        run(workload("many_forks"))
        wait_until(lambda: agent.metric("children_total", exe="malloc_1000") == 1, "counted")
        wait_until(lambda: agent.metric("config_reloads_total", result="success") == 1, "told")
        assert agent.metric("config_last_reload_successful") == 1
        assert agent.metric("config_info", config_file=str(config), probe="all") == 1
        assert agent.end(signal.SIGTERM) == 0
        assert set(by_child(agent.findings())) == {truth["child"]}


def test_config_that_turned_bad_leaves_the_old_one_in_force(tmp_path):
    config = config_in(tmp_path, "exe = 'malloc_1000'\nlog-burst = 0\n")
    with Agent(tmp_path, "--config", config, "--probe=all") as agent:
        loaded = agent.metric("config_last_reload_success_timestamp_seconds")
        assert abs(loaded - time.time()) < 60
        for text in ("exe = 'setenv_in_child'\nexe = 'x'\n", "exe = 'x'\nfoo = 1\n"):
            config.write_text(text)
            reload(agent, f"the former configuration stays in force: {config}:2: ")
        config.unlink()
        reload(agent, f"the former configuration stays in force: {config}: No such file")
        wait_until(lambda: agent.metric("config_reloads_total", result="failure") == 3, "counted")
        assert agent.metric("config_last_reload_successful") == 0
        assert agent.metric("config_last_reload_success_timestamp_seconds") == loaded
        [truth] = json_lines(run(workload("malloc_1000")).stdout)
        run(workload("setenv_in_child"))
        config.write_text("exe = 'malloc_1000'\n")
        reload(agent, "configuration reloaded")
        wait_until(lambda: agent.metric("config_last_reload_successful") == 1, "it is well again")
        assert agent.end(signal.SIGTERM) == 0
        assert set(by_child(agent.findings())) == {truth["child"]}


def test_reload_says_what_has_to_wait_for_the_next_start(tmp_path):
    config = config_in(tmp_path, "")
    with Agent(tmp_path, "--config", config) as agent:
        config.write_text("probe = 'none'\nstack-bytes = 0\n[[function]]\nname='f'\nlibrary='l'\n")
        reload(agent, "at the next start only: probe, stack-bytes, function")
        reload(agent, "at the next start only: probe, stack-bytes, function")
        assert agent.metric("config_info", probe="auto") == 1
        assert agent.metric("sensor_active", sensor="probes") == 1


def test_reload_opens_the_output_anew(tmp_path):
    """As logrotate does it: the file is moved, and SIGHUP sent."""
    with Agent(tmp_path, "--probe=all") as agent:
        [first] = json_lines(run(workload("malloc_1000")).stdout)
        wait_until(lambda: first["child"] in by_child(agent.findings()), "the first is written")
        moved = tmp_path / "moved"
        agent.output.rename(moved)
        reload(agent, "configuration reloaded")
        [second] = json_lines(run(workload("malloc_1000")).stdout)
        wait_until(lambda: second["child"] in by_child(agent.findings()), "the second is written")
        reload(agent, "configuration reloaded")
        assert second["child"] in by_child(agent.findings()), "a reload empties no file"
        assert second["child"] not in by_child(json_lines(moved.read_text()))


def test_reload_with_an_output_that_cannot_be_opened(tmp_path):
    config = config_in(tmp_path, "log-burst = 0\n")
    with Agent(tmp_path, "--config", config, "--probe=all", output=None) as agent:
        config.write_text("output = '/nonexistent/x'\n")
        reload(agent, "the former configuration stays in force: cannot write to /nonexistent/x")


def test_sighup_ends_a_trace(tmp_path):
    with Trace(tmp_path) as trace:
        assert trace.end(signal.SIGHUP) == 0
        assert "forkmon watched for" in trace.stderr()


# Documentation


def keys_of_the_program():
    options = forkmon("--help").stdout.partition("\nOptions:")[2]
    return set(re.findall(r"(?m)^  (?:-\w,)?--([a-z-]+)", options)) - ON_THE_COMMAND_LINE_ONLY


def keys_of_the_docs():
    text = (ROOT / "docs/configuration.md").read_text()
    rows = re.findall(r"(?m)^\| (`.*?`) \|", text.partition("## Tables")[0])
    return {key for row in rows for key in re.findall("`([a-z-]+)`", row)}


def test_docs_and_program_have_the_same_keys():
    assert keys_of_the_docs() == keys_of_the_program()


def test_example_has_all_keys_and_can_be_read(tmp_path):
    """deploy/forkmon.toml changes nothing; without its comment signs it is a valid file, too."""
    example = (ROOT / "deploy/forkmon.toml").read_text()
    assert not re.search(r"(?m)^[^#\n]", example)
    settings = "\n".join(re.findall(r"(?m)^#((?:[a-z-]+ = |\[\[).*)$", example))
    keys = set(re.findall(r"(?m)^([a-z-]+) = ", settings.partition("[[")[0]))
    assert keys | {"user", "error-exitcode", "fail-severity"} == keys_of_the_program()
    config = config_in(tmp_path, re.sub("(?m)^(listen|web-)", "#", settings))
    with Agent(tmp_path, "--config", config, output=None) as agent:
        assert agent.metric("config_info", config_file=str(config)) == 1


def test_example_is_a_default_of_the_agent(tmp_path):
    """/etc/forkmon/forkmon.toml is read if it is there, by the agent alone."""
    config_in(tmp_path, "lissten = 1\n")
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "upper/forkmon").mkdir()
    (tmp_path / "forkmon.toml").rename(tmp_path / "upper/forkmon/forkmon.toml")
    layers = f"lowerdir=/etc,upperdir={tmp_path}/upper,workdir={tmp_path}/work"

    def with_etc(*command):
        mount = f'mount -t overlay -o {layers} none /etc && exec "$@"'
        return run("unshare", "--mount", "sh", "-c", mount, "sh", *command)

    assert_one_line(with_etc(FORKMON), 2, "^forkmon: /etc/forkmon/forkmon.toml:1: unknown key")
    assert with_etc(FORKMON, "--trace", "--", "true").returncode == 0
