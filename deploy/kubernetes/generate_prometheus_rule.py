# SPDX-License-Identifier: MIT
"""Writes monitoring/prometheusrule.yaml from deploy/prometheus/forkmon.rules.yml, the one source."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
RULES = HERE.parent / "prometheus/forkmon.rules.yml"
PRODUCT = HERE / "monitoring/prometheusrule.yaml"
HEADER = """# SPDX-License-Identifier: MIT
# Made by generate_prometheus_rule.py from deploy/prometheus/forkmon.rules.yml: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: forkmon
  labels:
    app.kubernetes.io/name: forkmon
spec:
"""


def prometheus_rule():
    """The rules as they are written, two columns further in: comments and strings stay."""
    rules = RULES.read_text(encoding="utf-8")
    groups = rules[rules.index("\ngroups:") + 1:]
    lines = (f"  {line}" if line.strip() else "" for line in groups.splitlines())
    return HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PRODUCT.write_text(prometheus_rule(), encoding="utf-8")
