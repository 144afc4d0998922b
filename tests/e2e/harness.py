# SPDX-License-Identifier: MIT
"""Runs forkmon and the workloads, and compares findings with what the workloads say is true."""

import base64
import contextlib
import functools
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FORKMON_BUILD", ROOT / "build"))
FORKMON = Path(os.environ.get("FORKMON", BUILD / "src/app/forkmon"))
WORKLOADS = BUILD / "tests/workloads"
UPROBE_EVENTS = Path("/sys/kernel/tracing/uprobe_events")
TIMEOUT = 60


def workload(name):
    return str(WORKLOADS / name)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


@functools.cache
def schema():
    """docs/finding.schema.json, which is itself checked."""
    text = json.loads((ROOT / "docs/finding.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def schema_errors(finding):
    return [f"{error.json_path}: {error.message}" for error in schema().iter_errors(finding)]


def finding_lines(data):
    """The findings in forkmon's output: each line whole, valid UTF-8, JSON, and as the schema says."""
    assert data == b"" or data.endswith(b"\n"), "the last line is cut off"
    findings = json_lines(data.decode("utf-8", errors="strict"))
    for finding in findings:
        assert schema_errors(finding) == []
    return findings


def findings_in(path):
    return finding_lines(Path(path).read_bytes())


def wait_until(condition, what, timeout=TIMEOUT):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.02)
    return value


def is_zombie(pid):
    """Has this child ended, its parent not having waited for it yet?"""
    stat = Path(f"/proc/{pid}/stat").read_text(errors="surrogateescape")
    return stat.rpartition(")")[2].split()[0] == "Z"


class Session:
    """What one run of forkmon left: its status, its findings, and what the workload printed."""

    def __init__(self, returncode, findings, stdout, stderr):
        self.returncode = returncode
        self.findings = findings
        self.stdout = stdout
        self.stderr = stderr

    def truths(self):
        return json_lines(self.stdout)

    def of_kind(self, kind):
        return [finding for finding in self.findings if finding["kind"] == kind]

    def functions(self):
        return {finding["function"] for finding in self.of_kind("unsafe_call")}


def run(*arguments, timeout=TIMEOUT, **options):
    """Runs a program to its end; its output as text whatever bytes it wrote."""
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                          errors="surrogateescape", timeout=timeout, **options)


def forkmon(*arguments, **options):
    return run(FORKMON, *arguments, **options)


def trace_command(tmp_path, *command, options=(), **run_options):
    """`forkmon --trace -- COMMAND` with its findings as JSON in a file."""
    output = tmp_path / "findings.json"
    done = forkmon("--trace", "--format", "json", "-o", output, *options, "--", *command,
                   **run_options)
    findings = findings_in(output) if output.exists() else []
    return Session(done.returncode, findings, done.stdout, done.stderr)


class Child:
    """What was found about one child."""

    def __init__(self):
        self.firsts = {}  # function: number of unsafe_call findings
        self.end = None  # the child finding

    def calls(self):
        return self.end["calls"] if self.end else {}

    def add(self, finding):
        if finding["kind"] == "child":
            assert self.end is None, "a child was reported twice"
            self.end = finding
        else:
            self.firsts[finding["function"]] = self.firsts.get(finding["function"], 0) + 1


def by_child(findings):
    """{pid: Child}"""
    children = {}
    for finding in findings:
        if finding["kind"] in ("unsafe_call", "child"):
            children.setdefault(finding["child"]["pid"], Child()).add(finding)
    return children


def check_child(truth, child):
    """One child: each of its functions found once, its counts as the workload made them."""
    calls = child.calls()
    assert child.firsts == {function: 1 for function in calls}, "first calls and counts differ"
    if "calls" in truth:
        assert calls == truth["calls"]
    for function, count in truth.get("at_least", {}).items():
        assert calls.get(function, 0) >= count, calls
    if child.end:
        assert child.end["exact"] is True
        assert child.end["outcome"] == truth.get("outcome", "exit")


def check_children(truths, findings):
    """These children; there may be others."""
    children = by_child(findings)
    for truth in truths:
        check_child(truth, children.get(truth["child"], Child()))


def check_truths(truths, findings):
    """Every child that did something unsafe, exactly what it did, and nobody else."""
    known = [truth for truth in truths if "child" in truth]
    assert known or {"clean": True} in truths, "the workload printed no truth"
    assert set(by_child(findings)) <= {truth["child"] for truth in known}, "findings about others"
    assert not [finding for finding in findings if finding["kind"] == "lost"]
    check_children(known, findings)


class Running:
    """A program that runs beside the test; ended with it, and with all that it has started: what is left of one
    test is another one's finding."""

    def __init__(self, arguments, errors_to=None, **options):
        self.errors = errors_to
        options.setdefault("start_new_session", True)
        with open(errors_to or os.devnull, "wb") as stderr:
            self.process = subprocess.Popen([str(a) for a in arguments], stderr=stderr,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            **options)
        self.pid = self.process.pid

    def stderr(self):
        return Path(self.errors).read_text(errors="surrogateescape")

    def first_line(self):
        return json.loads(self.process.stdout.readline())

    def next_truth(self):
        """Sends the byte that a held workload waits for; it lives on until it is ended."""
        self.process.stdin.write(b"x")
        self.process.stdin.flush()
        return self.first_line()

    def go_on(self):
        """Sends the byte that a held workload waits for; returns all that it then prints."""
        out, _ = self.process.communicate(b"x", timeout=TIMEOUT)
        assert self.process.returncode == 0
        return json_lines(out.decode())

    def end(self, number=signal.SIGINT):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return self.process.wait(TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT)
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Trace(Running):
    """`forkmon --trace …` beside the test, ready when the constructor returns."""

    def __init__(self, tmp_path, *options):
        self.output = tmp_path / "findings.json"
        super().__init__([FORKMON, "--trace", "--format", "json", "-o", self.output, *options],
                         errors_to=tmp_path / "stderr")
        wait_until(self.is_ready, "forkmon says that it watches")

    def is_ready(self):
        assert self.process.poll() is None, self.stderr()
        return "forkmon: watching" in self.stderr()

    def findings(self):
        return findings_in(self.output)


class Agent(Running):
    """The agent on a port of its own, ready when the constructor returns. It writes every finding,
    unless options say otherwise."""

    def __init__(self, tmp_path, *options, output="findings.json", tls=None, user=None, prefix=(),
                 **run_options):
        self.port = free_port()
        self.tls = tls  # an SSLContext that trusts its certificate
        self.user = user  # "user:password"
        self.output = tmp_path / output if output else None
        if output:
            options += ("-o", self.output)
        if not any(str(option).startswith(("--log-burst", "--config")) for option in options):
            options += ("--log-burst=0",)
        super().__init__([*prefix, FORKMON, "--listen", f"127.0.0.1:{self.port}", *options],
                         errors_to=tmp_path / "stderr", **run_options)
        wait_until(self.is_serving, "the agent serves metrics")

    def is_serving(self):
        assert self.process.poll() is None, self.stderr()
        with contextlib.suppress(OSError):
            return 'forkmon_sensor_active{sensor="lifecycle"} 1' in self.metrics_text()
        return False

    def get(self, path, method="GET", **user):
        """The answer, or a urllib.error.HTTPError; as another `user` than usual, or as none."""
        scheme = "https" if self.tls else "http"
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{self.port}{path}", method=method)
        if name := user.get("user", self.user):
            request.add_header("Authorization", f"Basic {base64.b64encode(name.encode()).decode()}")
        return urllib.request.urlopen(request, timeout=TIMEOUT, context=self.tls)

    def metrics_text(self):
        with self.get("/metrics") as answer:
            return answer.read().decode("utf-8", errors="strict")

    def metric(self, name, **labels):
        """The sum of the series of that name whose labels contain these values."""
        total = 0.0
        pattern = re.compile(rf"^forkmon_{name}(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
        for series, value in pattern.findall(self.metrics_text()):
            got = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', series))
            if all(str(wanted) in got.get(label, "") for label, wanted in labels.items()):
                total += float(value)
        return total

    def findings(self):
        return findings_in(self.output)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def uprobe_groups():
    """The event groups of forkmon processes that tracefs holds."""
    return set(re.findall(r"\bforkmon_\w+(?=/)", UPROBE_EVENTS.read_text()))


def assert_printable(text):
    """No control character but the newline, and valid UTF-8."""
    text.encode("utf-8")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), repr(text)


def assert_one_line(done, status, pattern):
    """The program ended with that status and one line on stderr that says why."""
    assert_printable(done.stderr)
    assert done.returncode == status, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert re.search(pattern, done.stderr, re.IGNORECASE), done.stderr
