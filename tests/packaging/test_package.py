# SPDX-License-Identifier: MIT
"""What is in the package, and what Debian's own checker says of it."""

import re

from harness import BUILD, ROOT, run


def field(package, name):
    return run("dpkg-deb", "--field", package, name).stdout.strip()


def sections(program):
    return run("readelf", "--wide", "--sections", program).stdout


def build_id(program):
    (found,) = re.findall(r"Build ID: (\w+)", run("readelf", "--notes", program).stdout)
    return found


def extracted(package, folder):
    assert run("dpkg-deb", "--extract", package, folder).returncode == 0
    return folder


def test_lintian_objects_to_nothing(package, debug_package):
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", package, debug_package, timeout=120)
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
    program = extracted(package, tmp_path) / "usr/sbin/forkmon"
    assert ".debug_info" not in sections(program) and ".symtab" not in sections(program)
    dynamic = run("readelf", "--wide", "--dynamic", program).stdout
    assert "BIND_NOW" in dynamic and "PIE" in dynamic and "RUNPATH" not in dynamic
    symbols = run("readelf", "--wide", "--dyn-syms", program).stdout
    assert "__stack_chk_fail" in symbols and "_chk@" in symbols


def test_debug_information_is_where_debuggers_look(package, debug_package, tmp_path):
    program = extracted(package, tmp_path / "program") / "usr/sbin/forkmon"
    (debug,) = extracted(debug_package, tmp_path / "debug").rglob("*.debug")
    identity = build_id(program)
    assert debug.relative_to(tmp_path / "debug").as_posix() == (
        f"usr/lib/debug/.build-id/{identity[:2]}/{identity[2:]}.debug")
    assert build_id(debug) == identity
    assert ".debug_info" in sections(debug) and ".symtab" in sections(debug)


def test_debug_package_is_for_this_program(package, debug_package):
    assert field(debug_package, "Depends") == f"forkmon (= {field(package, 'Version')})"
