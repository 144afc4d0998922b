# SPDX-License-Identifier: MIT
"""deploy/kubernetes: built by kubectl's own Kustomize, checked with the API's own schemas."""

import copy
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from harness import ROOT, run

KUBERNETES = ROOT / "deploy/kubernetes"
SCHEMAS = Path(__file__).resolve().parent / "schemas"

sys.path.insert(0, str(KUBERNETES))
import generate_prometheus_rule  # noqa: E402: needs the path above


def manifests(name):
    done = run("kubectl", "kustomize", KUBERNETES / name)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


@pytest.fixture(scope="module")
def base():
    return {manifest["kind"]: manifest for manifest in manifests("base")}


@pytest.fixture(scope="module")
def everything(base):
    return base | {manifest["kind"]: manifest for manifest in manifests("monitoring")}


@pytest.fixture(scope="module")
def objections(tmp_path_factory):
    """A function that says what the schemas object to: lines of INDEX: WHAT."""
    folder = tmp_path_factory.mktemp("schemas")
    for name in ("package.json", "package-lock.json", "validate.js"):
        shutil.copy(SCHEMAS / name, folder)
    done = run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder, timeout=300)
    assert done.returncode == 0, done.stderr

    def check(checked):
        done = run("node", folder / "validate.js", input=json.dumps(checked), timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return check


def test_manifests_are_valid(everything, objections):
    assert set(everything) == {"Namespace", "ServiceAccount", "ConfigMap", "Service", "DaemonSet",
                               "NetworkPolicy", "ServiceMonitor", "PrometheusRule"}
    assert objections(list(everything.values())) == []


MISTAKES = [
    ("DaemonSet", lambda spec: spec["template"]["spec"].update(hostPid=True)),
    ("DaemonSet", lambda spec: spec.pop("selector")),
    ("NetworkPolicy", lambda spec: spec.update(policyTypes="Ingress")),
    ("ServiceMonitor", lambda spec: spec["endpoints"][0].update(intervall="30s")),
    ("PrometheusRule", lambda spec: spec["groups"][0]["rules"][0].pop("expr")),
]


def test_mistakes_are_objected_to(everything, objections):
    wrong = [copy.deepcopy(everything[kind]) for kind, _ in MISTAKES]
    for manifest, (_, mistake) in zip(wrong, MISTAKES):
        mistake(manifest["spec"])
    assert {int(line.split(":")[0]) for line in objections(wrong)} == set(range(len(MISTAKES)))


def test_base_needs_no_operator(base):
    assert not any(manifest["apiVersion"].startswith("monitoring.coreos.com")
                   for manifest in base.values())


def test_prometheus_rule_is_made_from_the_rules_of_prometheus(everything):
    assert generate_prometheus_rule.PRODUCT.read_text() == generate_prometheus_rule.prometheus_rule()
    rules = yaml.safe_load(generate_prometheus_rule.RULES.read_text())
    assert everything["PrometheusRule"]["spec"] == {"groups": rules["groups"]}


def test_names_and_ports_agree(everything):
    pod = everything["DaemonSet"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"].items()
    assert pod["spec"]["serviceAccountName"] == everything["ServiceAccount"]["metadata"]["name"]
    for selector in (everything["DaemonSet"]["spec"]["selector"]["matchLabels"],
                     everything["Service"]["spec"]["selector"],
                     everything["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]):
        assert selector and selector.items() <= labels
    wanted = everything["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= everything["Service"]["metadata"]["labels"].items()

    (port,) = container["ports"]
    (served,) = everything["Service"]["spec"]["ports"]
    (scraped,) = everything["ServiceMonitor"]["spec"]["endpoints"]
    assert served["targetPort"] == port["name"] and scraped["port"] == served["name"]
    config = everything["ConfigMap"]["data"]["forkmon.toml"]
    assert f'listen = "0.0.0.0:{port["containerPort"]}"' in config
    names = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == names


def test_nothing_but_what_it_needs(base):
    pod = base["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert pod["hostPID"] is True and not pod.get("hostNetwork") and not pod.get("hostIPC")
    assert pod["automountServiceAccountToken"] is False
    assert security["privileged"] is False and security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"]["drop"] == ["ALL"]
    assert "SYS_ADMIN" not in security["capabilities"]["add"]
    assert security["seccompProfile"]["type"] == "RuntimeDefault"
    assert [volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume] == [
        "/sys/kernel/tracing"]


def test_docs_explain_every_privilege(base):
    text = (ROOT / "docs/kubernetes.md").read_text()
    (container,) = base["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    for word in [*container["securityContext"]["capabilities"]["add"], "hostPID", "runAsUser",
                 "/sys/kernel/tracing", "appArmorProfile", "seccompProfile"]:
        assert word in text, word
