# SPDX-License-Identifier: MIT
"""Runtimes with threads that start programs as they should: no finding."""

import pytest

from harness import run, trace_command

NODE = """
const { spawnSync, execFileSync } = require("child_process");
for (let i = 0; i < 3; i++)
  if (spawnSync("/bin/true").status !== 0) process.exit(1);
process.stdout.write(execFileSync("/bin/echo", ["done"]));
"""

JAVA = """
public class Run {
  public static void main(String[] arguments) throws Exception {
    for (int i = 0; i < 3; i++)
      if (new ProcessBuilder("/bin/true").start().waitFor() != 0)
        System.exit(1);
    System.out.println("done");
  }
}
"""

GO = """
package main

import (
	"fmt"
	"os/exec"
)

func main() {
	for i := 0; i < 3; i++ {
		if err := exec.Command("/bin/true").Run(); err != nil {
			panic(err)
		}
	}
	fmt.Println("done")
}
"""


def assert_clean(tmp_path, *command):
    session = trace_command(tmp_path, *command)
    assert session.returncode == 0, session.stderr
    assert session.stdout == "done\n"
    assert session.findings == []


def test_node_child_process(tmp_path):
    script = tmp_path / "run.js"
    script.write_text(NODE)
    assert_clean(tmp_path, "node", script)


@pytest.mark.parametrize("mechanism", ["POSIX_SPAWN", "VFORK"])
def test_java_process_builder(tmp_path, mechanism):
    source = tmp_path / "Run.java"
    source.write_text(JAVA)
    done = run("javac", "-d", tmp_path, source)
    assert done.returncode == 0, done.stderr
    assert_clean(tmp_path, "java", f"-Djdk.lang.Process.launchMechanism={mechanism}",
                 "-cp", tmp_path, "Run")


def test_go_exec_command(tmp_path):
    source = tmp_path / "run.go"
    source.write_text(GO)
    program = tmp_path / "run"
    done = run("go", "build", "-o", program, source,
               env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GOFLAGS": "-mod=mod",
                    "GO111MODULE": "off", "GOCACHE": str(tmp_path / "cache")}, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_clean(tmp_path, program)
