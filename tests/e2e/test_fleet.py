# SPDX-License-Identifier: MIT
"""The way of an alert and of a graph: agent, Prometheus, the shipped rules, Alertmanager, Grafana's queries."""

import contextlib
import json
import math
import os
import re
import shlex
import shutil

import pytest

from fleet_harness import Alertmanager, Prometheus, Webhook
from harness import ROOT, Agent, Running, run, wait_until, workload

DASHBOARD = json.loads((ROOT / "deploy/grafana/forkmon.json").read_text())

# A name that breaks what prints it unchecked: a terminal, a label, a template, a chat.
HOSTILE = 'ev\x1b[31m"il\n\\{{ .Labels }}<!channel>@all'

# A panel may stay empty only for a reason that this test cannot take away.
MAY_BE_EMPTY = {
    "Run time of BPF programs": "only exported where kernel.bpf_stats_enabled is set",
    "Probes taken off and put back": "only exported once a probe was taken off",
}

# What Grafana puts in for "All", and for a range on a scrape interval of a second.
VARIABLES = {"$cluster": ".*", "$instance": ".*", "$exe": ".*", "$__rate_interval": "10s"}


class Fleet:
    """All of it, with programs that make every kind of mistake."""

    def __init__(self, tmp_path, stack):
        enter = stack.enter_context
        self.webhook = enter(Webhook())
        self.agent = enter(Agent(tmp_path))
        self.alertmanager = enter(Alertmanager(tmp_path, self.webhook))
        self.prometheus = enter(Prometheus(tmp_path, self.agent.port, self.alertmanager.port))
        hostile = tmp_path / HOSTILE
        shutil.copy(workload("deadlock_mutex"), hostile)
        seconds = {"env": {**os.environ, "WORKLOAD_SECONDS": "300"}}
        enter(Running([workload("offender")]))
        enter(Running([workload("deadlock_own_pipe")], **seconds))
        self.deadlocks = [enter(Running([program], **seconds))
                          for program in (workload("deadlock_mutex"), hostile)]
        self.exes = [self.exe_label("/deadlock_mutex"), self.exe_label("/ev")]

    def exe_label(self, part):
        """The label that the agent gives to the deadlocked executable with this in its path."""
        def found():
            series = self.prometheus.query("forkmon_deadlocked_children > 0")
            return [s["metric"]["exe"] for s in series if part in s["metric"]["exe"]]
        [label] = wait_until(found, f"Prometheus has seen the deadlock of {part}")
        return label


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Fleet(tmp_path_factory.mktemp("fleet"), stack)


def substituted(text):
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    assert "$" not in text, f"a variable that this test does not know: {text}"
    return text


def queries():
    return [pytest.param(panel["title"], target["expr"], id=f"{panel['title']} {target['refId']}")
            for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def test_what_may_be_empty_is_there():
    assert set(MAY_BE_EMPTY) <= {panel["title"] for panel in DASHBOARD["panels"]}


def has_value(series):
    return any(not math.isnan(float(one["value"][1])) for one in series)


@pytest.mark.parametrize(("title", "expression"), queries())
def test_a_panel_shows_something(fleet, title, expression):
    query = substituted(expression)
    if title in MAY_BE_EMPTY:
        fleet.prometheus.query(query)  # it is understood
        return
    wait_until(lambda: has_value(fleet.prometheus.query(query)), f"{query} has a value", timeout=20)


@pytest.mark.parametrize("variable", [v for v in DASHBOARD["templating"]["list"]
                                      if v["type"] == "query"], ids=lambda v: v["name"])
def test_a_variable_has_values(fleet, variable):
    query = substituted(variable["query"]["query"])
    series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    assert fleet.prometheus.api(f"label/{label}/values", **{"match[]": series})


def documented_queries():
    """The indented blocks of the docs that are PromQL: one query, or one in each line."""
    docs = [ROOT / "docs/operate.md", ROOT / "docs/tune.md", *(ROOT / "docs/runbooks").glob("*.md")]
    for page in docs:
        for block in re.findall(r"(?:^    .*\n)+", page.read_text(), re.MULTILINE):
            lines = [re.sub(r" +#.*", "", line) for line in block.splitlines()]
            if all(re.match(r"\s+([\w:]+\(|\w+ by \(|[*/] |(forkmon_|cluster)[\w:]+[{ ]*)", line)
                   for line in lines):
                yield pytest.param(lines, id=f"{page.name} {lines[0].strip()[:40]}")


def test_there_are_documented_queries():
    assert len(list(documented_queries())) > 10


@pytest.mark.parametrize("lines", documented_queries())
def test_a_documented_query_is_understood(fleet, lines):
    is_one = any(re.match(r"\s+[*/] ", line) for line in lines)
    for query in ["\n".join(lines)] if is_one else lines:
        fleet.prometheus.query(query)


def test_no_rule_fails(fleet):
    def health():
        groups = fleet.prometheus.api("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    wait_until(lambda: "unknown" not in health().values(), "every rule was evaluated")
    assert set(health().values()) == {"ok"}


def test_the_silences_of_the_runbooks_are_understood(fleet):
    """None of them concerns the executables of this test."""
    pages = [page for page in (ROOT / "docs/runbooks").glob("*.md") if page.stem != "README"]
    for page in pages:
        commands = re.findall(r"^    (amtool silence add .*)$", page.read_text(), re.MULTILINE)
        assert commands, page
        for command in commands:
            done = run(*shlex.split(command), f"--alertmanager.url={fleet.alertmanager.url}",
                       "--author=test")
            assert done.returncode == 0, f"{page}: {done.stderr}"


def test_a_deadlock_pages_and_resolves(fleet):
    def delivered(status):
        found = [fleet.webhook.alerts("/pages", status, alertname="ForkmonDeadlock", exe=exe)
                 for exe in fleet.exes]
        return all(found) and [alerts[-1] for alerts in found]

    for alert in wait_until(lambda: delivered("firing"), "Alertmanager delivers both deadlocks"):
        assert alert["labels"]["severity"] == "page"
        assert alert["labels"]["cluster"] == "example"
        assert re.fullmatch(r"Deadlocked children of [-\w./+?]{1,100} on 127\.0\.0\.1:\d+: 1",
                            alert["annotations"]["summary"])
        assert re.fullmatch(r"[-\w ./+?:;,]+", alert["annotations"]["description"])
        assert alert["annotations"]["runbook_url"] == "docs/runbooks/ForkmonDeadlock.md"
    firing = {name for (name, _), state in fleet.prometheus.alerts().items() if state == "firing"}
    assert firing == {"ForkmonDeadlock"}, "the agent is well, and the tickets are not due"
    assert not fleet.webhook.alerts("/tickets", "firing")

    for running in fleet.deadlocks:
        running.go_on()  # it kills the child
    wait_until(lambda: delivered("resolved"), "Alertmanager delivers that both are over")
    assert fleet.agent.metric("deadlocks_total", exe="deadlock_mutex") == 1


def test_an_agent_that_ends_is_noticed(fleet):
    """Last: it ends the agent. Its page is due after 10 minutes, so pending is what can be seen."""
    fleet.agent.end()
    wait_until(lambda: fleet.prometheus.alerts().get(("ForkmonAgentDown", None)) == "pending",
               "the alert on the missing agent is pending")
