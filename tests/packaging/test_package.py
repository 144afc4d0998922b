# SPDX-License-Identifier: MIT
"""What is in the package, and what Debian's own checker says of it."""

import re

from harness import BUILD, ROOT, run


def field(package, name):
    return run("dpkg-deb", "--field", package, name).stdout.strip()


def test_lintian_objects_to_nothing(package):
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", package, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"^[EW]: ", done.stdout, re.MULTILINE), done.stdout


def test_depends_on_the_libraries_that_it_is_linked_with(package):
    depends = field(package, "Depends")
    for library in ("libbpf1 (>= 1:1.1", "libc6 (>= ", "libelf1 ", "libdw1 ", "libcapstone4 ",
                    "libsystemd0", "libprometheus-cpp-core1.0 "):
        assert library in depends, depends


def test_versions_agree(package):
    """The project's, that of the newest section of CHANGELOG.md, Debian's, and that of the image."""
    done = run("dpkg-parsechangelog", "-l", BUILD / "deploy/packaging/changelog.Debian", "-S", "Version")
    assert field(package, "Version") == done.stdout.strip()
    version = done.stdout.strip().removesuffix("-1")
    assert re.search(r"(?m)^## \[(\d.*)\] - ", (ROOT / "CHANGELOG.md").read_text())[1] == version
    kustomization = (ROOT / "deploy/kubernetes/base/kustomization.yaml").read_text()
    assert f"newTag: {version}\n" in kustomization


def test_only_the_configuration_is_a_conffile(package):
    assert run("dpkg-deb", "--info", package, "conffiles").stdout == "/etc/forkmon/forkmon.toml\n"


def test_files_belong_to_root_and_to_no_other_folder(package):
    for line in run("dpkg-deb", "--contents", package).stdout.splitlines():
        mode, owner, *_, path = line.split()
        assert owner == "root/root", line
        assert mode[8] == "-" and "s" not in mode, line
        assert path.startswith(("./etc/", "./usr/")), line


def test_program_is_stripped_and_hardened(package, tmp_path):
    assert run("dpkg-deb", "--extract", package, tmp_path).returncode == 0
    program = tmp_path / "usr/sbin/forkmon"
    sections = run("readelf", "--wide", "--sections", program).stdout
    assert ".debug_info" not in sections and ".symtab" not in sections
    dynamic = run("readelf", "--wide", "--dynamic", program).stdout
    assert "BIND_NOW" in dynamic and "PIE" in dynamic and "RUNPATH" not in dynamic
    symbols = run("readelf", "--wide", "--dyn-syms", program).stdout
    assert "__stack_chk_fail" in symbols and "_chk@" in symbols
