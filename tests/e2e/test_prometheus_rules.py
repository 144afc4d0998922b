# SPDX-License-Identifier: MIT
"""The files of deploy/prometheus and deploy/grafana, as promtool, amtool and their readers see them."""

import itertools
import json
import re

import pytest
import yaml

from harness import ROOT, run

PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "forkmon.rules.yml"
RUNBOOKS = ROOT / "docs/runbooks"
DASHBOARD = ROOT / "deploy/grafana/forkmon.json"
PANELS = json.loads(DASHBOARD.read_text())["panels"]
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
RECORDED = [rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule]
TESTS = [test for file in PROMETHEUS.glob("tests/*.yml")
         for test in yaml.safe_load(file.read_text())["tests"]]

# All that an annotation may do with a label: ask whether it is there, or cut it down to a few
# characters and a length. The class may not hold what starts markup, a mention or a template.
TAMED = re.compile(r'\{\{ (if \$labels\.\w+|end|\$value \| printf "%\.[0-9]f"|'
                   r'\$labels\.\w+ \| reReplaceAll "\[\^[-\w./+:]+\]" "\?" \| '
                   r'printf "%\.\d{2,3}s") \}\}')

SECTIONS = ["## What it means", "## How to look", "## What to do", "## How to silence it"]


def alert_ids(alert):
    return alert["alert"]


def check(*command):
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_rules_and_the_config():
    assert f"{len(ALERTS) + len(RECORDED)} rules found" in check("promtool", "check", "rules", RULES)
    check("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


def test_unit_tests_of_the_rules():
    check("promtool", "test", "rules", *sorted(PROMETHEUS.glob("tests/*.yml")))


@pytest.mark.parametrize(("severity", "receiver"), [("page", "pages"), ("ticket", "tickets")])
def test_alertmanager_routes(severity, receiver):
    config = PROMETHEUS / "alertmanager.yml"
    check("amtool", "check-config", config)
    assert check("amtool", "config", "routes", "test", f"--config.file={config}",
                 f"severity={severity}").strip() == receiver


@pytest.mark.parametrize("alert", ALERTS, ids=alert_ids)
def test_an_alert_is_tested_both_ways(alert):
    expected = [case["exp_alerts"] for test in TESTS for case in test.get("alert_rule_test", [])
                if case["alertname"] == alert["alert"]]
    assert any(expected), "no test in which it fires"
    assert not all(expected), "no test in which it does not fire"


@pytest.mark.parametrize("record", RECORDED)
def test_a_recording_rule_is_tested(record):
    assert any(record in case["expr"] for test in TESTS
               for case in test.get("promql_expr_test", []))


@pytest.mark.parametrize("alert", ALERTS, ids=alert_ids)
def test_an_alert_says_what_to_do(alert):
    assert alert["labels"]["severity"] in ("page", "ticket")
    annotations = alert["annotations"]
    assert annotations["summary"] and annotations["description"]
    page = ROOT / annotations["runbook_url"]
    assert page == RUNBOOKS / f"{alert['alert']}.md"
    lines = page.read_text().splitlines()
    assert lines[0] == f"# {alert['alert']}"
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


def test_every_runbook_has_an_alert():
    names = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    assert names == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=alert_ids)
def test_annotations_tame_labels(alert):
    for text in alert["annotations"].values():
        assert "{{" not in TAMED.sub("", text), "a label or value stands there as it is"
        for label, allowed in re.findall(r'\$labels\.(\w+) \| reReplaceAll "\[\^([^]]+)\]"', text):
            # The agent writes container ids itself, from hexadecimal digits; anything else could be a link.
            assert label == "container_id" or not {":", "/"} <= set(allowed)


def test_metrics_that_are_used_exist():
    """A misspelt name is no error in PromQL: it only stays empty."""
    known = set(re.findall(r'"(forkmon_\w+)"', (ROOT / "src/sinks/metric_table.cpp").read_text()))
    known |= {f"{name}_bucket" for name in known}
    docs = (ROOT / "docs/operate.md", ROOT / "docs/tune.md", *RUNBOOKS.glob("*.md"))
    text = "".join(file.read_text() for file in (RULES, DASHBOARD, *docs))
    used = set(re.findall(r"(?<![\w:])forkmon_\w+(?![\w:])", text))
    assert len(used) > 20
    assert used <= known
    recorded = set(re.findall(r"\bcluster\w*:\w+:\w+", text))
    assert recorded == set(RECORDED)


def test_the_dashboard_can_be_read():
    """Ids are unique, panels do not overlap, each says what it shows, and none has a fixed source."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = set(itertools.product(range(place["x"], place["x"] + place["w"]),
                                      range(place["y"], place["y"] + place["h"])))
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"], panel["title"]
            for part in (panel, *panel["targets"]):
                assert part["datasource"]["uid"] == "${datasource}", panel["title"]
