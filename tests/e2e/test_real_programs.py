# SPDX-License-Identifier: MIT
"""Programs that people run: Python's ways to make processes, shells, make, git."""

import textwrap
from pathlib import Path

import pytest

from harness import by_child, check_truths, run, trace_command, workload

PYTHON = "/usr/bin/python3"
BESIDE_A_THREAD = """
import os, subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


def trace_python(tmp_path, code, prologue=BESIDE_A_THREAD):
    script = tmp_path / "script.py"
    script.write_text(prologue + textwrap.dedent(code))
    session = trace_command(tmp_path, PYTHON, script)
    assert session.returncode == 0, session.stderr
    return session


def pids_printed(session):
    return {int(word) for word in session.stdout.split()}


def assert_exact(session, pids):
    """Each of these children was watched from its start, and allocated: Python always does."""
    children = by_child(session.findings)
    for pid in pids:
        calls = children[pid].calls()
        assert calls.get("malloc", 0) > 0
        assert children[pid].firsts == {function: 1 for function in calls}
    assert all(finding["exact"] for finding in session.of_kind("child"))
    names = {Path(finding["parent"]["exe"]).name for finding in session.findings}
    assert names == {Path(PYTHON).resolve().name}


def test_multiprocessing_pool_forked_beside_a_thread(tmp_path):
    session = trace_python(tmp_path, """
        import multiprocessing
        def work(item):
            time.sleep(0.05)
            return os.getpid()
        with multiprocessing.get_context("fork").Pool(3) as pool:
            workers = [process.pid for process in pool._pool]
            pool.map(work, range(12), chunksize=1)
            pool.close()
            pool.join()
        print(*workers)
    """)
    assert len(pids_printed(session)) == 3
    assert_exact(session, pids_printed(session))


def test_multiprocessing_process_forked_beside_a_thread(tmp_path):
    session = trace_python(tmp_path, """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=sorted, args=([3, 1],))
        process.start()
        process.join()
        print(process.pid)
    """)
    assert_exact(session, pids_printed(session))


@pytest.mark.parametrize("ending,expects_exit", [("os._exit(0)", False), ("sys.exit(0)", True)])
def test_os_fork_beside_a_thread(tmp_path, ending, expects_exit):
    session = trace_python(tmp_path, f"""
        pid = os.fork()
        if pid == 0:
            data = [str(number) * 100 for number in range(1000)]
            {ending}
        os.waitpid(pid, 0)
        print(pid)
    """)
    assert_exact(session, pids_printed(session))
    assert ("exit" in session.functions()) == expects_exit


def test_subprocess_with_preexec_fn_beside_a_thread(tmp_path):
    session = trace_python(tmp_path, """
        def work():
            os.environ["WORK"] = "x" * 10000
        process = subprocess.Popen(["/bin/true"], preexec_fn=work)
        process.wait()
        print(process.pid)
    """)
    assert_exact(session, pids_printed(session))
    assert [child["outcome"] for child in session.of_kind("child")] == ["exec"]
    assert "setenv" in session.functions()


def test_subprocess_without_preexec_fn_is_clean(tmp_path):
    session = trace_python(tmp_path, """
        for _ in range(3):
            subprocess.run(["/bin/true"], check=True)
        subprocess.run("echo one | cat", shell=True, check=True)
    """)
    assert session.findings == []


def test_spawn_start_method_is_clean(tmp_path):
    session = trace_python(tmp_path, """
        import multiprocessing
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                assert pool.map(abs, [-1, 2]) == [1, 2]
    """)
    assert session.findings == []


def test_fork_without_threads_is_clean(tmp_path):
    session = trace_python(tmp_path, """
        import os
        pid = os.fork()
        if pid == 0:
            data = [str(number) for number in range(1000)]
            os._exit(0)
        os.waitpid(pid, 0)
    """, prologue="")
    assert session.findings == []


def test_shell_pipeline_is_clean(tmp_path):
    session = trace_command(tmp_path, "sh", "-c", "echo one | cat; (echo two); x=$(echo three)")
    assert session.returncode == 0
    assert session.stdout == "one\ntwo\n"
    assert session.findings == []


def test_make_is_clean(tmp_path):
    makefile = tmp_path / "Makefile"
    makefile.write_text("all: a b c\na b c:\n\t@echo $@ | cat > $(DIR)/$@\n")
    session = trace_command(tmp_path, "make", "-j2", "-f", makefile, f"DIR={tmp_path}", "all")
    assert session.returncode == 0, session.stderr
    assert all((tmp_path / name).read_text() == f"{name}\n" for name in "abc")
    assert session.findings == []


def test_git_status_is_clean(tmp_path):
    repository = tmp_path / "repository"
    assert run("git", "init", "-q", repository).returncode == 0
    (repository / "file").write_text("text\n")
    session = trace_command(tmp_path, "git", "-C", repository, "status", "--short")
    assert session.returncode == 0, session.stderr
    assert session.stdout == "?? file\n"
    assert session.findings == []


def test_make_that_runs_an_unsafe_program_reports_only_that(tmp_path):
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"all:\n\t@{workload('malloc_1000')}\n\t@echo done >&2\n")
    session = trace_command(tmp_path, "make", "-f", makefile)
    [truth] = session.truths()
    check_truths([truth], session.findings)
