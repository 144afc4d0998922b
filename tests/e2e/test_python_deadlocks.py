# SPDX-License-Identifier: MIT
"""Deadlocks of Python programs: the traceback names the line of the user's own code."""

import textwrap

from harness import trace_command
from stuck_harness import check_deadlock, check_killed, only_deadlock, trace_stuck

PYTHON = "/usr/bin/python3"
PROLOGUE = """
import json, logging, multiprocessing, os, select, signal, subprocess, sys, threading, time

def hold(lock):
    held = threading.Event()
    def body():
        with lock:
            held.set()
            time.sleep(600)
    threading.Thread(target=body, daemon=True, name="holder").start()
    held.wait()

def fork_child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)  # nothing is left behind where the test is killed
        work()  # after fork
        os._exit(0)
    return pid

def watched(pid, proof=True):
    truth = {"stuck": pid, "proof": proof, "lock": "semaphore", "address": None, "owner": None}
    print(json.dumps(truth), flush=True)
    select.select([0], [], [], 8)
    os.kill(pid, signal.SIGKILL)
"""


class Script:
    """A Python program in which a line marked `# here` is the one its child is stuck in."""

    def __init__(self, tmp_path, code):
        self.path = tmp_path / "user code.py"
        self.path.write_text(PROLOGUE + textwrap.dedent(code))

    def line_of(self, mark):
        lines = self.path.read_text().splitlines()
        [number] = [i for i, line in enumerate(lines, 1) if line.endswith(f"# {mark}")]
        return number

    def place(self, mark, function):
        return {"source": f"{self.path}:{self.line_of(mark)}", "function": function}


def stuck_script(tmp_path, code, severity="high"):
    """The deadlock of a script: (its finding, the script)."""
    script = Script(tmp_path, code)
    truth, session = trace_stuck(tmp_path, PYTHON, script.path)
    assert session.returncode == 0, session.stderr
    finding = only_deadlock(session)
    check_deadlock(finding, truth, severity)
    check_killed(session, truth)
    return finding, script


def test_lock_of_logging_whatever_handlers_there_are(tmp_path):
    """No handler releases the lock of a logging handler (bpo-6721)."""
    finding, _ = stuck_script(tmp_path, """
        handler = logging.StreamHandler()
        logging.getLogger().addHandler(handler)
        signal.signal(signal.SIGTERM, lambda *_: None)
        def work():
            handler.lock = threading.Lock()
            handler.lock.acquire()  # as if a thread of the parent had it: logging renews it now
            logging.warning("from the child")
        hold(threading.Lock())
        pid = fork_child(work)
        watched(pid)
        os.waitpid(pid, 0)
    """)
    assert any("logging" in frame["source"] for frame in finding["python"][:2])


def test_threading_lock(tmp_path):
    finding, script = stuck_script(tmp_path, """
        lock = threading.Lock()
        def work():
            lock.acquire()  # here
        hold(lock)
        pid = fork_child(work)
        watched(pid)
        os.waitpid(pid, 0)
    """)
    assert finding["python"][0] == script.place("here", "work")
    assert finding["python"][1] == script.place("after fork", "fork_child")
    assert finding["python"][-1]["function"] == "<module>"
    assert "forkserver" in finding["advice"]


def test_lock_taken_in_the_handler_of_a_logger(tmp_path):
    """bpo-6721, with a lock of the handler's own: logging repairs those that it knows."""
    finding, script = stuck_script(tmp_path, """
        lock = threading.Lock()
        class Handler(logging.Handler):
            def emit(self, record):
                with lock:  # here
                    pass
        log = logging.getLogger("app")
        log.addHandler(Handler())
        def work():
            log.warning("from the child")  # logs
        hold(lock)
        pid = fork_child(work)
        watched(pid)
        os.waitpid(pid, 0)
    """)
    assert finding["python"][0] == script.place("here", "Handler.emit")
    assert script.place("logs", "work") in finding["python"]
    assert any("/logging/__init__.py:" in frame["source"] for frame in finding["python"])


def test_multiprocessing_process(tmp_path):
    finding, script = stuck_script(tmp_path, """
        lock = threading.Lock()
        def work():
            with lock:  # here
                pass
        hold(lock)
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()  # starts
        watched(process.pid)
        process.join()
    """)
    assert finding["python"][0] == script.place("here", "work")
    assert script.place("starts", "<module>") in finding["python"]
    assert "spawn" in finding["advice"] and "forkserver" in finding["advice"]


def test_preexec_fn_before_exec(tmp_path):
    finding, script = stuck_script(tmp_path, """
        lock = threading.Lock()
        ends = os.pipe()
        def prepare():
            os.write(ends[1], str(os.getpid()).encode())
            lock.acquire()  # here
        def start():
            try:
                subprocess.run(["/bin/true"], preexec_fn=prepare)
            except subprocess.SubprocessError:
                pass
        hold(lock)
        starter = threading.Thread(target=start)
        starter.start()
        watched(int(os.read(ends[0], 20)))
        starter.join()
    """)
    assert finding["python"][0] == script.place("here", "prepare")
    assert any("/subprocess.py:" in frame["source"] for frame in finding["python"])
    assert "preexec_fn" in finding["advice"]


def test_lock_between_processes_is_only_suspected(tmp_path):
    finding, script = stuck_script(tmp_path, """
        lock = multiprocessing.get_context("fork").Lock()
        def work():
            lock.acquire()  # here
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        lock.acquire()
        pid = fork_child(work)
        watched(pid, proof=False)
        os.waitpid(pid, 0)
    """, severity="info")  # an idle worker looks the same
    assert finding["python"][0] == script.place("here", "work")


def test_idle_workers_of_a_pool_are_not_stuck(tmp_path):
    script = Script(tmp_path, """
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        with multiprocessing.get_context("fork").Pool(4) as pool:
            pool.map(abs, range(8))
            time.sleep(4)
            assert pool.map(abs, [-1, 2]) == [1, 2]
            pool.close()
            pool.join()
    """)
    session = trace_command(tmp_path, PYTHON, script.path)
    assert session.returncode == 0, session.stderr
    assert len({f["child"]["pid"] for f in session.of_kind("child")}) == 4
    assert session.of_kind("deadlock") == []
