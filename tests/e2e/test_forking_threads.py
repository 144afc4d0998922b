# SPDX-License-Identifier: MIT
"""Whom the agent arms in a process with many threads: those that fork."""

import signal

from harness import Agent, Running, by_child, wait_until, workload


ALL = 21  # the first thread, and twenty that can fork


class ForkingThreads(Running):
    """A process in which the test says which thread forks."""

    def __init__(self):
        super().__init__([workload("thread_forks")])
        self.pid = self.first_line()["pid"]

    def fork_by(self, thread):
        self.process.stdin.write(thread.encode())
        self.process.stdin.flush()
        return self.first_line()


def armed_threads(agent, count):
    wait_until(lambda: agent.metric("armed_threads") == count, f"{count} threads are armed")


def ends_of(agent, truths):
    """The findings of the children, in their order, once the agent has ended."""
    wait_until(lambda: agent.metric("children_total", exe="thread_forks") >= len(truths), "ended")
    assert agent.end(signal.SIGTERM) == 0
    found = by_child(agent.findings())
    return [found[truth["child"]].end for truth in truths]


def test_only_the_thread_that_forks_is_armed(tmp_path):
    with Agent(tmp_path, "--log-burst=0") as agent, ForkingThreads() as target:
        truths = [target.fork_by("a")]
        armed_threads(agent, 1)
        truths += [target.fork_by("a") for _ in range(5)]
        first, *others = ends_of(agent, truths)
        assert not first["exact"]
        assert all(end["exact"] and end["calls"] == truth["calls"]
                   for end, truth in zip(others, truths[1:]))


def test_another_one_that_forks_is_armed_too(tmp_path):
    with Agent(tmp_path, "--log-burst=0") as agent, ForkingThreads() as target:
        truths = [target.fork_by("a")]
        armed_threads(agent, 1)
        truths += [target.fork_by("b")]
        armed_threads(agent, 2)
        truths += [target.fork_by("a"), target.fork_by("b")]
        ends = ends_of(agent, truths)
        assert [end["exact"] for end in ends] == [False, False, True, True]
        assert all(end["calls"] == truth["calls"] for end, truth in zip(ends[2:], truths[2:]))


def test_threads_that_are_started_to_fork_inherit_probes(tmp_path):
    with Agent(tmp_path, "--log-burst=0") as agent, ForkingThreads() as target:
        truths = [target.fork_by("+")]
        armed_threads(agent, ALL)
        truths += [target.fork_by("+"), target.fork_by("b")]
        ends = ends_of(agent, truths)
        assert [end["exact"] for end in ends] == [False, True, True]
        assert all(end["calls"] == truth["calls"] for end, truth in zip(ends[1:], truths[1:]))


def test_all_are_armed_where_one_was_before(tmp_path):
    with Agent(tmp_path, "--log-burst=0") as agent, ForkingThreads() as target:
        truths = [target.fork_by("a")]
        armed_threads(agent, 1)
        truths += [target.fork_by("+")]
        armed_threads(agent, ALL)
        truths += [target.fork_by("a"), target.fork_by("+"), target.fork_by("b")]
        ends = ends_of(agent, truths)
        assert [end["exact"] for end in ends] == [False, False, True, True, True]
        assert all(end["calls"] == truth["calls"] for end, truth in zip(ends[2:], truths[2:]))


def test_all_are_armed_where_many_fork(tmp_path):
    with Agent(tmp_path, "--log-burst=0") as agent, ForkingThreads() as target:
        truths = [target.fork_by(thread) for thread in "abcdefghijklmnop"]
        armed_threads(agent, 16)
        truths += [target.fork_by("q")]
        armed_threads(agent, ALL)
        truths += [target.fork_by("r"), target.fork_by("+")]
        ends = ends_of(agent, truths)
        assert all(end["exact"] for end in ends[17:])
        assert all(end["calls"] == truth["calls"] for end, truth in zip(ends[17:], truths[17:]))
