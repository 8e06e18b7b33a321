"""What kind is told: three nodes, a shared folder, one port of this machine."""

import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest

from cluster import kindcluster
from cluster.nodeimage import NodeImage
from cluster.settings import from_environment

SETTINGS = from_environment({"HOME": "/h"})


def config(*, ours: bool) -> dict[str, Any]:
    image = NodeImage("bookstore/node:0" if ours else "kindest/node:v1@sha256:0", ours=ours)
    return kindcluster.config(SETTINGS, image, Path("/h/efs"), 8081)


def test_one_control_plane_and_two_workers_share_the_folder_that_stands_for_efs() -> None:
    nodes = config(ours=True)["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    for node in nodes:
        assert node["extraMounts"] == [
            {"hostPath": "/h/efs", "containerPath": kindcluster.SHARED_ON_NODES}
        ]


def test_the_samples_node_port_is_open_on_this_machine_only() -> None:
    assert config(ours=True)["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 30080, "hostPort": 8081, "listenAddress": "127.0.0.1"}
    ]


@pytest.mark.parametrize("ours", [True, False])
def test_kubeadm_is_shown_our_images_only_on_our_nodes(ours: bool) -> None:
    patches = "\n".join(config(ours=ours)["kubeadmConfigPatches"])
    assert "failCgroupV1: false" in patches
    assert ("imageRepository: kind.local" in patches) is ours


def test_a_taken_port_is_passed_over() -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not kindcluster.port_is_free(port)
        assert kindcluster.choose_port(port) > port
