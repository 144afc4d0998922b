# SPDX-License-Identifier: MIT
"""The man page and the shell completions know every option of --help, and no other."""

import os
import pty
import re
import select
import signal

import pytest

from harness import BUILD, ROOT, TIMEOUT, forkmon, run

PAGE = ROOT / "docs/forkmon.8"
COMPLETIONS = BUILD / "deploy/completions"


def options():
    """Every option that --help lists at the start of a line, short ones too."""
    lines = re.findall(r"^  (-\S+)", forkmon("--help").stdout, re.MULTILINE)
    found = {name for line in lines for name in line.split(",")}
    assert len(found) > 15
    return found


@pytest.fixture(autouse=True)
def completions_are_built():
    done = run("cmake", "--build", BUILD, "--target", "completions", timeout=600)
    assert done.returncode == 0, done.stdout


def test_page_has_an_entry_for_each_option():
    entries = re.findall(r"^\.It (Fl .*)$", PAGE.read_text(), re.MULTILINE)
    named = {f"-{flag}" for entry in entries for flag in re.findall(r"\bFl (\S+)", entry)}
    assert named - {"--"} == options()


def test_page_is_well_formed():
    done = run("mandoc", "-T", "lint", "-W", "warning", PAGE)
    assert done.stdout + done.stderr == ""


def test_bash_knows_all_options():
    text = (COMPLETIONS / "forkmon.bash").read_text()
    assert run("bash", "-n", COMPLETIONS / "forkmon.bash").stderr == ""
    assert set(re.findall(r"compgen -W '(-[^']*)'", text)[0].split()) == options()


def bash_completes(*words):
    """What bash offers for the last of these words."""
    script = """
        source /usr/share/bash-completion/bash_completion
        compopt() { :; }  # works only while a shell completes
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        _forkmon; printf '%s\n' "${COMPREPLY[@]}" """
    done = run("bash", "-c", script, "bash", COMPLETIONS / "forkmon.bash", *words)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes():
    assert bash_completes("forkmon", "--trac") == ["--trace"]
    assert bash_completes("forkmon", "--format", "j") == ["json"]
    assert bash_completes("forkmon", "--trace", "--user", "roo") == ["root"]
    assert "true" in bash_completes("forkmon", "--trace", "--", "tru")


def test_zsh_knows_all_options():
    text = (COMPLETIONS / "_forkmon").read_text()
    assert run("zsh", "--no-rcs", "-n", COMPLETIONS / "_forkmon").stderr == ""
    pairs = re.findall(r"^  '\((-\w) (--[\w-]+)\)'", text, re.MULTILINE)
    alone = re.findall(r"^  '\*?(--[\w-]+)", text, re.MULTILINE)
    assert {name for pair in pairs for name in pair} | set(alone) == options()


def zsh_shows(typed, expected):
    """Types into a zsh on a terminal, until it shows what is expected."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", PS1="> ")
        os.execlp("zsh", "zsh", "--no-rcs", "--interactive")
    try:
        os.write(terminal, f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit; "
                           "compinit -u -D\n".encode())
        os.write(terminal, typed.encode())
        shown = b""
        while expected.encode() not in shown:
            assert select.select([terminal], [], [], TIMEOUT)[0], shown
            shown += os.read(terminal, 4096)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_zsh_completes():
    zsh_shows("forkmon --trac\t", "--trace ")
    zsh_shows("forkmon --format=j\t", "--format=json")
    zsh_shows("forkmon --trace -- /bin/tru\t", "truncate")


def fish(line):
    done = run("fish", "--no-config", "-c",
               f"source {COMPLETIONS}/forkmon.fish; complete --do-complete '{line}'")
    assert done.stderr == ""
    return [offer.split("\t")[0] for offer in done.stdout.splitlines()]


def test_fish_knows_all_options():
    assert run("fish", "--no-execute", COMPLETIONS / "forkmon.fish").stderr == ""
    assert set(fish("forkmon --")) | set(fish("forkmon -")) >= options()


def test_fish_completes():
    assert fish("forkmon --format ") == ["json", "table"]
    assert fish("forkmon --probe ") == ["all", "auto", "none"]
    assert fish("forkmon --fail-severity ") == ["critical", "high", "info", "warning"]
    assert fish("forkmon --trac") == ["--trace"]
    assert "true" in fish("forkmon --trace -- tru")
