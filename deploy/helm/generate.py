# SPDX-License-Identifier: MIT
"""Writes the chart forkmon/ from deploy/kubernetes, the one source of the manifests: python3 deploy/helm/generate.py

A chart is made of the same files, with what a site sets differently taken out into values.yaml.
"""

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
KUBERNETES = HERE.parent / "kubernetes"
BASE, MONITORING = KUBERNETES / "base", KUBERNETES / "monitoring"
CHART = HERE / "forkmon"
MADE = "# Made by deploy/helm/generate.py from deploy/kubernetes: change it there.\n"

# {file: [(the text of the manifest, what the template has in its place)]}
SUBSTITUTIONS = {
    "daemonset.yaml": [
        ("maxUnavailable: 10%", "maxUnavailable: {{ .Values.maxUnavailable }}"),
        ("          image: forkmon\n",
         '          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"\n'),
        # As the hash in the name that Kustomize gives the ConfigMap: a change rolls the agents.
        ("  template:\n    metadata:\n",
         "  template:\n    metadata:\n      annotations:\n"
         "        checksum/config: {{ .Values.config | sha256sum }}\n"),
    ],
    "networkpolicy.yaml": [
        ("# In: Prometheus, in the namespace that it has in kube-prometheus. Out: nothing.\n",
         "# In: Prometheus, in its namespace. Out: nothing.\n"),
        ("metadata.name: monitoring", "metadata.name: {{ .Values.prometheusNamespace }}"),
    ],
}
# The blocks of daemonset.yaml that are values as they stand.
BLOCKS = ("resources", "nodeSelector", "tolerations")

CONFIGMAP = """apiVersion: v1
kind: ConfigMap
metadata:
  name: forkmon
  namespace: {{ .Release.Namespace }}
data:
  forkmon.toml: |
    {{- .Values.config | nindent 4 }}
"""

VALUES = """# What a site may set differently. docs/kubernetes.md says why the agent needs each privilege.
image:
  repository: @REPOSITORY@
  # The version of the chart's application, if it is empty.
  tag: ""

# Of the nodes whose agents are updated at a time.
maxUnavailable: 10%

# The namespace from which Prometheus connects; kube-prometheus has this one.
prometheusNamespace: monitoring

# With the Prometheus Operator: a ServiceMonitor and a PrometheusRule.
monitoring: false

@BLOCKS@
config: |
@CONFIG@"""


def once(text, old, new):
    if text.count(old) != 1:
        raise SystemExit(f"generate.py: there must be one of this in the manifest: {old!r}")
    return text.replace(old, new)


def block(text, key):
    """(the lines of a key and of what is below it, how far they are indented)"""
    found = re.search(rf"(?m)^( *){key}:\n(?:\1 +.*\n)+", text)
    return found.group(), len(found.group(1))


def read(path):
    return path.read_text(encoding="utf-8")


def template(path):
    """The manifest as a template. The namespace is that of the release, which Kustomize sets, too."""
    text = once(read(path), "\nmetadata:\n  name: forkmon\n",
                "\nmetadata:\n  name: forkmon\n  namespace: {{ .Release.Namespace }}\n")
    for old, new in SUBSTITUTIONS.get(path.name, []):
        text = once(text, old, new)
    if path.name == "daemonset.yaml":
        for key in BLOCKS:
            lines, indent = block(text, key)
            spaces = " " * indent
            value = f"{{{{- toYaml .Values.{key} | nindent {indent + 2} }}}}"
            text = once(text, lines, f"{spaces}{key}:\n{spaces}  {value}\n")
    return MADE + text


def indented(text, spaces):
    return "".join(f"{' ' * spaces}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def values():
    daemonset, kustomization = read(BASE / "daemonset.yaml"), read(BASE / "kustomization.yaml")
    blocks = []
    for key in BLOCKS:
        lines, indent = block(daemonset, key)
        blocks.append("".join(line[indent:] for line in lines.splitlines(keepends=True)))
    (repository,) = re.findall(r"newName: (\S+)", kustomization)
    text = once(VALUES, "@REPOSITORY@", repository)
    text = once(text, "@BLOCKS@\n", "\n".join(blocks) + "\n")
    return MADE + once(text, "@CONFIG@", indented(read(BASE / "forkmon.toml"), 2))


def chart():
    (version,) = re.findall(r"newTag: (\S+)", read(BASE / "kustomization.yaml"))
    return (f"{MADE}apiVersion: v2\nname: forkmon\ntype: application\n"
            "description: eBPF monitor of fork safety, an agent on every node\n"
            f"version: {version}\nappVersion: {version}\nkubeVersion: '>=1.30.0-0'\n")


def optional(text):
    return f"{{{{- if .Values.monitoring }}}}\n{text}{{{{- end }}}}\n"


def files():
    """{path in the chart: its text}"""
    made = {"Chart.yaml": chart(), "values.yaml": values(), "templates/configmap.yaml": MADE + CONFIGMAP}
    for name in ("serviceaccount", "daemonset", "service", "networkpolicy"):
        made[f"templates/{name}.yaml"] = template(BASE / f"{name}.yaml")
    made["templates/servicemonitor.yaml"] = optional(template(MONITORING / "servicemonitor.yaml"))
    # Its annotations are templates of Prometheus, which helm must not read.
    rule = template(MONITORING / "prometheusrule.yaml")
    head, spec = rule.split("\nspec:\n")
    made["files/prometheusrule-spec.yaml"] = spec
    made["templates/prometheusrule.yaml"] = optional(
        f'{head}\nspec:\n{{{{ .Files.Get "files/prometheusrule-spec.yaml" }}}}')
    return made


if __name__ == "__main__":
    for name, text in files().items():
        path = CHART / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
