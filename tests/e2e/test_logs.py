# SPDX-License-Identifier: MIT
"""The agent's log: its rate limit, readers that do not read, and disks that are full."""

import contextlib
import fcntl
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import (TIMEOUT, Agent, Running, assert_one_line, by_child, finding_lines, forkmon,
                     json_lines, run, trace_command, wait_until, workload)


def lines_of(findings, kind, function=None):
    return [finding for finding in findings if finding["kind"] == kind
            and function in (None, finding.get("function"))]


def test_lines_are_limited_by_executable_and_rule(tmp_path):
    """100 children, three rules: 10 lines of each, and a line that counts the others."""
    options = ("--probe=all", "--exe=many_forks", "--log-burst=10", "--log-interval=1")
    with Agent(tmp_path, *options) as agent:
        run(workload("many_forks"))
        wait_until(lambda: agent.metric("children_total", exe="many_forks") == 100, "all counted")
        wait_until(lambda: len(lines_of(agent.findings(), "suppressed")) >= 3, "it is told")
        told = lines_of(agent.findings(), "suppressed")
        for rule, lines in (("unsafe_call:malloc", ("unsafe_call", "malloc")),
                            ("unsafe_call:free", ("unsafe_call", "free")), ("child", ("child",))):
            mine = [line for line in told if line["rule"] == rule]
            assert all(line["exe"].endswith("many_forks") for line in mine)
            written = len(lines_of(agent.findings(), *lines))
            assert 10 <= written < 100
            assert written + sum(line["count"] for line in mine) == 100
            assert all(line["since"] < line["time"] for line in mine)
        suppressed = sum(line["count"] for line in told)
        wait_until(lambda: agent.metric("findings_suppressed_total") == suppressed, "counted")
        assert agent.metric("unsafe_calls_total", exe="many_forks", function="malloc") == 300


def test_the_default_is_ten_lines_a_minute(tmp_path):
    config = tmp_path / "forkmon.toml"
    config.write_text("")
    with Agent(tmp_path, "--probe=all", "--exe=many_forks", "--config", config) as agent:
        run(workload("many_forks"))
        assert agent.end(signal.SIGTERM) == 0
        assert len(lines_of(agent.findings(), "unsafe_call", "malloc")) == 10
        [told] = [line for line in lines_of(agent.findings(), "suppressed")
                  if line["rule"] == "unsafe_call:malloc"]
        assert told["count"] == 90, "what is left to say is said at the end"


def test_critical_findings_are_always_written(tmp_path):
    command = [workload("deadlock_mutex")]
    with Agent(tmp_path, "--log-burst=1", "--log-interval=3600", "--exe=deadlock_mutex") as agent:
        stuck = [subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
                 for _ in range(3)]
        try:
            wait_until(lambda: len(lines_of(agent.findings(), "deadlock")) == 3, "all are written")
        finally:
            for process in stuck:
                process.kill()
                process.communicate()


def test_a_trace_has_no_limit(tmp_path):
    session = trace_command(tmp_path, workload("many_forks"))
    assert len(lines_of(session.findings, "unsafe_call", "malloc")) == 100
    assert not session.of_kind("suppressed")


class SlowReader:
    """Where the agent's standard output goes, and nobody reads at first."""

    def __init__(self, kind):
        if kind == "pipe":
            self.mine, self.its = os.pipe()
            fcntl.fcntl(self.its, fcntl.F_SETPIPE_SZ, 4096)
        else:  # as the journal's
            mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            its.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            self.mine, self.its = mine.detach(), its.detach()

    def before(self, redirection):
        """The command prefix that makes it a program's output."""
        return ["bash", "-c", f'exec "$@" {redirection}&{self.its}', "bash"]

    def read_to_end(self):
        data = b""
        while piece := os.read(self.mine, 1 << 20):
            data += piece
        return data


@contextlib.contextmanager
def agent_writing_to(reader, tmp_path):
    arguments = reader.before(">")
    with Agent(tmp_path, "--probe=all", "--exe=many_forks", output=None, prefix=arguments,
               pass_fds=[reader.its]) as agent:
        os.close(reader.its)
        yield agent


def make_it_lose_lines(agent, forks):
    """Three lines a fork, more than it keeps for a reader that does not read."""
    assert run(workload("many_forks"), forks).returncode == 0
    wait_until(lambda: agent.metric("children_total", exe="many_forks") == forks, "counted")
    wait_until(lambda: agent.metric("events_lost_total", sensor="output") > 0, "lost lines")


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_reader_that_does_not_read_stalls_nothing(tmp_path, kind):
    """Past 1 MiB lines are dropped, and counted; those before are whole. It goes on meanwhile."""
    reader = SlowReader(kind)
    forks = 1000
    with agent_writing_to(reader, tmp_path) as agent:
        make_it_lose_lines(agent, forks)
        dropped = agent.metric("events_lost_total", sensor="output")
        agent.process.send_signal(signal.SIGTERM)
        findings = finding_lines(reader.read_to_end())
        os.close(reader.mine)
        assert agent.process.wait(TIMEOUT) == 0
    [lost] = lines_of(findings, "lost")
    assert (lost["sensor"], lost["count"]) == ("output", dropped)
    assert len(findings) - 1 + dropped == 3 * forks


def test_a_reader_that_goes_on_is_told_what_it_missed(tmp_path):
    reader = SlowReader("pipe")
    with agent_writing_to(reader, tmp_path) as agent:
        make_it_lose_lines(agent, 1000)
        data = b""
        while b'"kind":"lost"' not in data:
            data += os.read(reader.mine, 1 << 20)
        agent.process.send_signal(signal.SIGTERM)
        data += reader.read_to_end()
        os.close(reader.mine)
        assert agent.process.wait(TIMEOUT) == 0
    findings = finding_lines(data)
    assert {line["sensor"] for line in lines_of(findings, "lost")} == {"output"}
    assert 3000 == len(lines_of(findings, "unsafe_call")) + len(lines_of(findings, "child")) + sum(
        line["count"] for line in lines_of(findings, "lost"))


def test_stderr_that_nobody_reads_stalls_nothing(tmp_path):
    reader = SlowReader("pipe")
    arguments = reader.before("2>")
    with Agent(tmp_path, "--log-level=debug", prefix=arguments, pass_fds=[reader.its]) as agent:
        os.close(reader.its)
        for _ in range(200):
            agent.process.send_signal(signal.SIGHUP)
            agent.metrics_text()
        run(workload("malloc_1000"))
        wait_until(lambda: agent.metric("tainted_forks_total", exe="malloc_1000") == 1, "seen")
        assert agent.end(signal.SIGTERM) == 0
        os.close(reader.mine)


def test_a_reader_that_is_gone_ends_nothing(tmp_path):
    reader = SlowReader("pipe")
    with agent_writing_to(reader, tmp_path) as agent:
        os.close(reader.mine)
        run(workload("many_forks"), 50)
        wait_until(lambda: agent.metric("events_lost_total", sensor="output") >= 150, "counted")
        assert agent.end(signal.SIGTERM) == 0
        assert agent.stderr().count("findings are lost until it works again") == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_for_a_while(tmp_path, small_disk):
    with Agent(tmp_path, "--probe=all", "--exe=many_forks", "--exe=setenv_in_child",
               output=small_disk / "findings.json") as agent:
        run(workload("many_forks"), 20)
        wait_until(lambda: "findings are lost" in agent.stderr(), "it says so")
        subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
        [truth] = json_lines(run(workload("setenv_in_child")).stdout)
        wait_until(lambda: b'"kind":"lost"' in agent.output.read_bytes(), "losses are told")
        assert agent.end(signal.SIGTERM) == 0
        assert agent.stderr().count("findings are lost") == 1
        assert agent.stderr().count("findings are written again") == 1
        whole = [line for line in agent.output.read_bytes().splitlines(keepends=True)
                 if line.endswith(b"}\n")]
        findings = finding_lines(b"".join(whole))
        assert truth["child"] in by_child(findings)
        assert "output" in {line["sensor"] for line in lines_of(findings, "lost")}


def test_named_pipe_that_nobody_reads(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert_one_line(forkmon("-o", tmp_path / "fifo"), 1, f"cannot write to {tmp_path}/fifo")


def test_log_level(tmp_path):
    with Agent(tmp_path, "--log-level=error") as agent:
        assert agent.end(signal.SIGTERM) == 0
        assert agent.stderr() == ""
    few = ["prlimit", "--nofile=74:74"]  # leave no descriptors for probes
    with Agent(tmp_path, "--log-level=debug", prefix=few) as agent, \
            Running([workload("child_per_byte")]) as target:
        target.first_line()
        target.next_truth()
        wait_until(lambda: re.search(r"forkmon: process \d+ is not armed", agent.stderr()),
                   "why a process was passed over")
