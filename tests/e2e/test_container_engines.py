# SPDX-License-Identifier: MIT
"""Containers as podman and containerd make them, on their own overlayfs."""

import pytest

from container_engines import Containerd, Podman, engine, make_image
from container_truths import check_container, trace_in_turn, watch_containers
from harness import Agent, Trace
from oci_container import make_layer


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    return make_image(make_layer(folder / "layer", "malloc_1000", "child_per_byte"), folder / "image.tar")


def test_command_that_runs_podman(image, tmp_path):
    with engine(Podman, tmp_path, image) as podman:
        first, second = podman.container("/child_per_byte"), podman.container("/malloc_1000")
        truths, findings = trace_in_turn(tmp_path, first, second)
        check_container(second, truths, findings)


def test_agent_beside_podman(image, tmp_path):
    with engine(Podman, tmp_path, image) as podman:
        watch_containers([podman.container("/child_per_byte") for _ in range(2)], Agent(tmp_path))


@pytest.mark.parametrize("options", [(), ("--probe=all",)])
def test_trace_of_containerd(image, tmp_path, options):
    with engine(Containerd, tmp_path, image) as containerd:
        containers = [containerd.container("/child_per_byte") for _ in range(2)]
        watch_containers(containers, Trace(tmp_path, *options))
