# SPDX-License-Identifier: MIT
"""Prometheus and Alertmanager, with the configs of deploy/prometheus, and a webhook that takes alerts.

The rule file is the shipped one. Of the configs, copies are made that differ in addresses and in
periods alone: what takes 15 s in a fleet takes 1 s here. The rules' own `for:` stays.
"""

import contextlib
import http.server
import json
import threading
import urllib.error
import urllib.parse
import urllib.request

import yaml

from harness import ROOT, TIMEOUT, Running, free_port, wait_until

DEPLOY = ROOT / "deploy/prometheus"
RULES = DEPLOY / "forkmon.rules.yml"


def get_json(url):
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        return json.load(answer)


def answers(url):
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        return answer.status == 200
    return False


def yaml_file(path, value):
    path.write_text(yaml.safe_dump(value))
    return path


class Webhook:
    """Keeps what Alertmanager delivers: alerts by the path that they were sent to."""

    def __init__(self):
        self.port = free_port()
        self.delivered = []  # (path, alert)
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802, the name that http.server calls
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.delivered += [(self.path, alert) for alert in body["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self, path, status, **labels):
        return [alert for where, alert in list(self.delivered)
                if where == path and alert["status"] == status
                and labels.items() <= alert["labels"].items()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Service(Running):
    """A server on a free port of loopback, ready when the constructor returns."""

    def __init__(self, tmp_path, program, port, *options):
        self.url = f"http://127.0.0.1:{port}"
        super().__init__([program, f"--web.listen-address=127.0.0.1:{port}", *options],
                         errors_to=tmp_path / f"{program}.stderr")
        wait_until(self.is_ready, f"{program} is ready")

    def is_ready(self):
        assert self.process.poll() is None, self.stderr()
        return answers(f"{self.url}/-/ready")


class Alertmanager(Service):
    def __init__(self, tmp_path, webhook):
        self.port = free_port()
        config = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
        for route in (config["route"], *config["route"]["routes"]):
            route.update(group_wait="1s", group_interval="1s")
        for receiver in config["receivers"]:
            for hook in receiver["webhook_configs"]:
                path = urllib.parse.urlparse(hook["url"]).path
                hook["url"] = f"http://127.0.0.1:{webhook.port}{path}"
        file = yaml_file(tmp_path / "alertmanager.yml", config)
        super().__init__(tmp_path, "prometheus-alertmanager", self.port,
                         f"--config.file={file}", f"--storage.path={tmp_path / 'alertmanager'}",
                         "--cluster.listen-address=")


class Prometheus(Service):
    def __init__(self, tmp_path, agent_port, alertmanager_port):
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(RULES)]
        [alertmanagers] = config["alerting"]["alertmanagers"]
        alertmanagers["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
        [job] = config["scrape_configs"]
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{agent_port}"]
        file = yaml_file(tmp_path / "prometheus.yml", config)
        super().__init__(tmp_path, "prometheus", free_port(), f"--config.file={file}",
                         f"--storage.tsdb.path={tmp_path / 'prometheus'}")

    def api(self, path, **parameters):
        """The `data` of an answer; an error of the server fails the test with its text."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            return get_json(url)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def alerts(self):
        """{(name, exe): state}"""
        return {(alert["labels"]["alertname"], alert["labels"].get("exe")): alert["state"]
                for alert in self.api("alerts")["alerts"]}
