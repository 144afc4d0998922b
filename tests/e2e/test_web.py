# SPDX-License-Identifier: MIT
"""The agent's web server: health, readiness, the page, TLS, passwords, and bad clients."""

import base64
import contextlib
import ctypes
import os
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import (Agent, Running, assert_one_line, forkmon, free_port, run, wait_until, workload)


HASH = "$2y$10$pBuOWaX7ykmttzUIAzqKh.cdZIqw/yUszt2XvxRmLZeSt4RRkmFqq"  # bcrypt of "se:cret"


def status_of(agent, path, **options):
    try:
        return agent.get(path, **options).status
    except urllib.error.HTTPError as error:
        return error.code


def test_health_and_readiness(tmp_path):
    with Agent(tmp_path) as agent:
        assert agent.get("/healthz").read() == b"ok\n"
        wait_until(lambda: status_of(agent, "/readyz") == 200, "it is ready")
        assert agent.metric("ready") == 1
        assert status_of(agent, "/nothing") == 404


def test_not_ready_without_probes(tmp_path):
    """Probes are asked for, and tracefs is not there: the agent goes on, and says what is missing."""
    hide = ("unshare", "-m", "sh", "-c", 'umount -a -t tracefs,debugfs; exec "$@"', "sh")
    with Agent(tmp_path, prefix=hide) as agent:
        with pytest.raises(urllib.error.HTTPError) as refused:
            agent.get("/readyz")
        assert refused.value.code == 503
        assert b"probes" in refused.value.read()
        assert agent.metric("ready") == 0
        assert "Not ready: probes" in agent.get("/").read().decode()


def test_ready_without_probes_where_none_are_asked_for(tmp_path):
    with Agent(tmp_path, "--probe=none") as agent:
        assert status_of(agent, "/readyz") == 200


@contextlib.contextmanager
def main_thread_held(pid):
    """Stops that one thread of a child of ours, by ptrace: SIGSTOP would stop them all."""
    seize, interrupt, detach, wall = 0x4206, 0x4207, 17, 0x40000000
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p
    for request in (seize, interrupt):
        assert ptrace(request, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    _, status = os.waitpid(pid, wall)
    assert os.WIFSTOPPED(status)
    yield
    assert ptrace(detach, pid, None, None) == 0, os.strerror(ctypes.get_errno())


def test_not_healthy_while_its_loop_stands_still(tmp_path):
    with Agent(tmp_path, "--probe=none") as agent:
        with main_thread_held(agent.pid):
            wait_until(lambda: status_of(agent, "/healthz") == 503, "it is not healthy")
            assert agent.metric("build_info") == 1, "the web server goes on"
        wait_until(lambda: status_of(agent, "/healthz") == 200, "it is healthy again")


def test_head(tmp_path):
    with Agent(tmp_path) as agent:
        for path in ("/metrics", "/healthz", "/readyz", "/"):
            answer = agent.get(path, method="HEAD")
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) > 0
            assert answer.read() == b""


def test_page_names_the_worst(tmp_path):
    stuck = workload("deadlock_mutex")
    with Agent(tmp_path, "--probe=all", "--exe", stuck) as agent, Running([stuck]):
        wait_until(lambda: agent.metric("deadlocked_children", exe=stuck) == 1,
                   "the deadlock is proven")
        answer = agent.get("/")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        page = answer.read().decode()
        rows = [row for row in page.splitlines() if "deadlock_mutex" in row]
        assert len(rows) == 1
        assert '<td class="n bad">1</td>' in rows[0]
        for part in ("<h1>forkmon ", "lifecycle", "probes", "Configuration file: none"):
            assert part in page


def test_silent_clients_do_not_keep_a_scraper_waiting(tmp_path):
    with Agent(tmp_path) as agent, contextlib.ExitStack() as clients:
        for i in range(200):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", agent.port)))
            if i % 2:
                client.sendall(b"GET /metrics HT")
        assert agent.metric("build_info") == 1
        assert status_of(agent, "/healthz") == 200


@pytest.mark.parametrize("head", [
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", b"GET /", b"\x16\x03\x01", b""])
def test_request_of_10_mib_is_refused(tmp_path, head):
    with Agent(tmp_path) as agent:
        with socket.create_connection(("127.0.0.1", agent.port), timeout=30) as client:
            answer = b""
            with contextlib.suppress(ConnectionError):  # it may be cut off while it sends
                client.sendall(head + b"x" * 10_485_760)
            with contextlib.suppress(ConnectionError):
                answer = client.recv(4096)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
        assert agent.metric("build_info") == 1


@pytest.fixture
def certificate(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_tls(tmp_path, certificate):
    cert, key = certificate
    context = ssl.create_default_context(cafile=cert)
    with Agent(tmp_path, "--web-tls-cert", cert, "--web-tls-key", key, tls=context) as agent:
        assert agent.metric("build_info") == 1
        assert "https://" in agent.stderr()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):
            socket_of = socket.create_connection(("127.0.0.1", agent.port))
            with socket_of, old.wrap_socket(socket_of):
                pass
        with socket.create_connection(("127.0.0.1", agent.port), timeout=30) as plain:
            plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"forkmon_" not in plain.recv(4096)
        assert agent.metric("build_info") == 1


def test_tls_files_that_cannot_be_used(tmp_path, certificate):
    cert, key = certificate
    other = tmp_path / "other.pem"
    run("openssl", "genrsa", "-out", other, "2048")
    listen = "--listen", f"127.0.0.1:{free_port()}"
    for cert_file, key_file, why in [
            ("/nonexistent", key, "/nonexistent: No such file"), (cert, "/nonexistent", "No such"),
            (tmp_path, key, "not a regular file"), (key, key, "cannot use the certificate"),
            (cert, other, "cannot use the certificate"), (cert, cert, "cannot use the certificate")]:
        assert_one_line(forkmon(*listen, "--web-tls-cert", cert_file, "--web-tls-key", key_file),
                        1, why)
    assert_one_line(forkmon("--web-tls-cert", cert), 2, "--web-tls-key")


def test_passwords(tmp_path):
    users = tmp_path / "users"
    users.write_text(f"prom:{HASH}\n")
    with Agent(tmp_path, "--web-basic-auth-file", users, user="prom:se:cret") as agent:
        assert agent.metric("build_info") == 1
        assert agent.get("/").status == 200
        for path in ("/metrics", "/", "/nothing"):
            assert status_of(agent, path, user=None) == 401
        assert status_of(agent, "/metrics", user="prom:wrong") in (401, 429)
        assert status_of(agent, "/metrics", user="nobody:se:cret") in (401, 429)
        assert agent.metric("build_info") == 1, "who is known does not wait for others' attempts"
        assert status_of(agent, "/healthz", user=None) == 200
        assert status_of(agent, "/readyz", user=None) == 200


def test_password_files_that_cannot_be_used(tmp_path):
    users = tmp_path / "users"
    for text, why in [("prom:secret\n", "line 1"), ("# nobody\n", "no user"),
                      ("\x1b[31m\n", "line 1"), ("a:$1$salt$qJH7.N4xYta3aEG/dfqo/0\n", "line 1")]:
        users.write_text(text)
        assert_one_line(forkmon("--web-basic-auth-file", users), 1, why)
    assert_one_line(forkmon("--web-basic-auth-file", "/nonexistent"), 1, "/nonexistent")


def test_options_of_the_configuration_file(tmp_path, certificate):
    cert, key = certificate
    config = tmp_path / "forkmon.toml"
    config.write_text(f'web-tls-cert = "{cert}"\nweb-tls-key = "{key}"\nmax-label-values = 5\n')
    context = ssl.create_default_context(cafile=cert)
    with Agent(tmp_path, "--config", config, tls=context) as agent:
        assert f"Configuration file: {config}" in agent.get("/").read().decode()
        assert agent.end(signal.SIGTERM) == 0


def test_basic_header_is_not_needed_without_passwords(tmp_path):
    with Agent(tmp_path) as agent:
        header = base64.b64encode(b"any:one").decode()
        request = urllib.request.Request(f"http://127.0.0.1:{agent.port}/metrics",
                                         headers={"Authorization": f"Basic {header}"})
        assert urllib.request.urlopen(request).status == 200
