# SPDX-License-Identifier: MIT
"""The page-fault sensor: unsafe calls seen without any probe, and no clean child reported."""

import textwrap

import pytest

from harness import Agent, Trace, by_child, forkmon, json_lines, run, wait_until, workload

PYTHON = "/usr/bin/python3"
BESIDE_A_THREAD = """
import multiprocessing, os, subprocess, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def work(item):
    time.sleep(0.02)
    return str(item) * 100
"""
PROGRAMS = {
    "os.fork": """
        pid = os.fork()
        if pid == 0:
            data = [str(number) * 100 for number in range(1000)]
            os._exit(0)
        os.waitpid(pid, 0)
        print(pid)
    """,
    "multiprocessing.Pool": """
        with multiprocessing.get_context("fork").Pool(3) as pool:
            print(*[process.pid for process in pool._pool])
            pool.map(work, range(12), chunksize=1)
            pool.close()
            pool.join()
    """,
    "preexec_fn": """
        process = subprocess.Popen(["/bin/true"], preexec_fn=lambda: os.environ.update(WORK="x"))
        process.wait()
        print(process.pid)
    """,
}


@pytest.fixture(autouse=True)
def needs_the_sensor():
    if "page_faults usable" not in forkmon("--check").stdout:
        pytest.skip("this kernel has no tracepoint page_fault_user")


def ended_trace(trace, *children):
    """All findings, once these children have been told of."""
    def are_told():
        told = {f["child"]["pid"] for f in trace.findings() if f["kind"] == "child"}
        return told >= set(children)
    wait_until(are_told, "the children are reported", timeout=10)
    assert trace.end() == 0, trace.stderr()
    return trace.findings()


@pytest.mark.parametrize("program", PROGRAMS)
def test_python_children_that_allocate_are_reported(tmp_path, program):
    code = BESIDE_A_THREAD + textwrap.dedent(PROGRAMS[program])
    with Trace(tmp_path, "--probe=none") as trace:
        pids = [int(word) for word in run(PYTHON, "-c", code).stdout.split()]
        findings = ended_trace(trace, *pids)
    assert pids
    children = by_child(findings)
    for pid in pids:
        assert {"malloc", "free"} & set(children[pid].firsts), "Python allocates in every child"
        assert set(children[pid].firsts.values()) == {1}
        assert children[pid].calls() == {function: 1 for function in children[pid].firsts}
        assert children[pid].end["exact"] is False
    evidence = {f["evidence"] for f in findings if f["kind"] == "unsafe_call"}
    assert evidence == {"page_fault"}


def test_function_is_named(tmp_path):
    """By a write, which always faults. Whether a first instruction does depends on what of libc the
    page cache holds, so functions that are seen by theirs alone are not asked for here."""
    with Trace(tmp_path, "--probe=none") as trace:
        child = int(run(workload("malloc_1000")).stdout.partition('"child": ')[2].partition(",")[0])
        findings = ended_trace(trace, child)
    [found] = [f for f in findings if f["kind"] == "unsafe_call" and f["function"] == "malloc"
               and f["child"]["pid"] == child]
    assert found["evidence"] == "page_fault"
    assert found["library"].endswith("libc.so.6")


LOCAL_TIME = """
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                time.localtime()
                os._exit(0)
            os.waitpid(pid, 0)
            print(pid)
    """


def test_functions_that_share_their_code_are_not_taken_for_one_another(tmp_path):
    """CPython calls localtime_r, whose code is that of localtime, too."""
    with Trace(tmp_path, "--probe=none", "--all") as trace:
        code = BESIDE_A_THREAD + textwrap.dedent(LOCAL_TIME)
        pids = [int(word) for word in run(PYTHON, "-c", code).stdout.split()]
        [truth] = json_lines(run(workload("localtime_in_child")).stdout)
        findings = ended_trace(trace, *pids, truth["child"])
    children = by_child(findings)
    for pid in [*pids, truth["child"]]:
        others = {"localtime", "gmtime", "gmtime_r", "mktime", "timegm"}
        assert not others & set(children[pid].firsts)
        assert not others & set(children[pid].end["calls"])


def test_clean_children_are_not_reported(tmp_path):
    """They exec, share memory, or end at once; Python's subprocess without preexec_fn, too."""
    clean = ["fork_exec", "vfork", "posix_spawn", "clone_vm", "tainted_and_idle",
             "single_threaded_fork"]
    with Trace(tmp_path, "--probe=none") as trace:
        for _ in range(5):
            for name in clean:
                assert run(workload(name)).returncode == 0
        code = BESIDE_A_THREAD + "for _ in range(5): subprocess.run(['/bin/true'], check=True)"
        assert run(PYTHON, "-c", code).returncode == 0
        assert trace.end() == 0, trace.stderr()
        findings = trace.findings()
    assert [f for f in findings if f["parent"]["comm"] in [*clean, "python3"]] == []


def test_probes_are_believed_where_there_are_any(tmp_path):
    with Trace(tmp_path, "--probe=all") as trace:
        child = int(run(workload("malloc_1000")).stdout.partition('"child": ')[2].partition(",")[0])
        findings = ended_trace(trace, child)
    found = [f for f in findings if f["kind"] == "unsafe_call" and f["child"]["pid"] == child]
    assert {f["evidence"] for f in found} == {"uprobe"}
    assert by_child(findings)[child].calls() == {"malloc": 1000, "free": 1000}


def test_agent_reports_a_first_child_before_its_parent_is_armed(tmp_path):
    exe = workload("malloc_1000")
    with Agent(tmp_path) as agent:
        assert agent.metric("sensor_active", sensor="page_faults") == 1
        assert run(exe).returncode == 0
        wait_until(lambda: agent.metric("unsafe_calls_total", exe=exe, function="malloc") == 1,
                   "the call is counted", timeout=10)


def test_check_tells_of_the_sensor():
    assert "BTF tracepoint page_fault_user" in forkmon("--check").stdout
