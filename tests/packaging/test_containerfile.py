# SPDX-License-Identifier: MIT
"""The Containerfile, as far as it can be read without building it; its runtime stage is Debian with
the package, which test_clean_root.py and test_container_view.py run."""

import re

from harness import ROOT

TEXT = (ROOT / "deploy/Containerfile").read_text()


def test_what_is_copied_is_there():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
    assert copied
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source


def test_what_is_copied_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not {"deploy", "docs", "bpf", "src", "*"} & set(ignored)


def test_stages_are_of_the_debian_that_the_tests_use():
    assert re.findall(r"^FROM \S+/debian:(\S+)", TEXT, re.MULTILINE) == ["bookworm", "bookworm-slim"]


def test_entrypoint_is_the_packaged_program():
    assert 'ENTRYPOINT ["/usr/sbin/forkmon"]' in TEXT
