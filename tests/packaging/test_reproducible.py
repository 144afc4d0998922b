# SPDX-License-Identifier: MIT
"""What is built at another place or time is the same, byte for byte. tests/matrix/reproducible.sh does it for a whole
release."""

import os
import shutil

import pytest

from harness import BUILD, ROOT, run

EPOCH = "1750000000"
BUILT = ("bpf/forkmon.skel.h", "src/elf/libforkmon_elf.a")


def checked(*arguments, **options):
    done = run(*arguments, timeout=600, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def copy_of_the_sources(folder):
    for name in ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "CHANGELOG.md"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder)
    for name in ("bpf", "deploy", "docs", "include", "src"):
        shutil.copytree(ROOT / name, folder / name)


def built_at(folder):
    """{name: content} of what is built from a copy of the sources there."""
    copy_of_the_sources(folder)
    checked("cmake", "--preset", "ci", "-DFORKMON_TESTS=OFF", cwd=folder)
    checked("cmake", "--build", folder / "build", "--target", "forkmon_skeleton_header", "forkmon_elf")
    return {name: (folder / "build" / name).read_bytes() for name in BUILT}


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    return built_at(folder / "a"), built_at(folder / "another/place")


@pytest.mark.parametrize("name", BUILT)
def test_same_at_another_place(twice, name):
    first, second = twice
    assert first[name] == second[name]


def packed(folder):
    """{name: content} of the packages and the tarball that are made now."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH)
    checked("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, env=environment)
    checked("cmake", "--build", BUILD, "--target", "tarball", env=environment)
    files = [path for path in folder.iterdir() if path.is_file()] + list(BUILD.glob("forkmon-*-linux-*"))
    return {path.name: path.read_bytes() for path in files}


def test_packages_are_the_same_at_another_time(package, tarball, tmp_path):
    first = packed(tmp_path / "first")
    assert package.name in first and tarball.name in first
    for path in (BUILD / "src/app/forkmon", BUILD / "deploy/completions/forkmon.fish"):
        os.utime(path)  # a later build, of the same content
    second = packed(tmp_path / "second")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
