"""What kind is told: three nodes, a shared folder, one port of this machine."""

import contextlib
import io
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from cluster import kindcluster
from cluster.engine import Docker
from cluster.nodeimage import NodeImage
from cluster.settings import from_environment
from cluster.steps import Steps

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


class RecordingDocker(Docker):
    """An engine whose nodes are as told; it keeps what it was told to do."""

    def __init__(self, running: dict[str, bool], address: str = "172.18.0.2") -> None:
        super().__init__(Path("/usr/bin/docker"))
        self.__dict__.update(nodes=running, first=address, done=[])

    def run(self, *arguments: Any, stdin: str | bytes | None = None) -> str:
        assert stdin is None
        verb, *rest = map(str, arguments)
        if verb == "ps":
            return "\n".join(self.__dict__["nodes"])
        if verb == "inspect" and "State" in rest[1]:
            return " ".join(str(self.__dict__["nodes"][node]).lower() for node in rest[2:])
        if verb == "inspect":
            return str(self.__dict__["first"])
        self.__dict__["done"].append(" ".join((verb, *rest)))
        return ""


NODES = ("b-control-plane", "b-worker", "b-worker2")


@pytest.fixture(autouse=True)
def no_node_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("refuse_unserved", "wait_answering", "wait_ready"):
        monkeypatch.setattr(kindcluster, name, lambda *_: None)


@pytest.mark.parametrize(
    ("running", "does"),
    [
        ((True, True, True), []),
        ((True, False, True), ["start b-worker"]),
        ((False, False, False), [f"start {node}" for node in NODES]),
    ],
    ids=["all run", "a worker is stopped", "all are stopped"],
)
def test_stopped_nodes_are_started_the_control_plane_first(
    running: tuple[bool, ...], does: list[str]
) -> None:
    docker = RecordingDocker(dict(zip(NODES, running, strict=True)))
    with Steps(io.StringIO()).step("Kubernetes cluster") as step:
        kindcluster.start_stopped(docker, NODES, step)
    assert docker.__dict__["done"] == does


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ({"address": "172.18.0.2"}, "172.18.0.2"),
        ({"address": "172.18.0.2"}, "172.18.0.9"),
        ({}, "172.18.0.9"),
    ],
    ids=["the same", "another", "made before it was recorded"],
)
def test_the_api_server_s_certificate_follows_the_address_that_docker_gives(
    recorded: dict[str, str], now: str, tmp_path: Path
) -> None:
    settings = from_environment({"HOME": "/h", "XDG_CACHE_HOME": str(tmp_path)})
    settings.state.mkdir(parents=True, exist_ok=True)
    (settings.state / kindcluster.CONFIG).write_text("{}")
    made = {"image": "bookstore/node:0", "hostPort": 8080, **recorded}
    kindcluster.record(settings).write_text(json.dumps(made))
    docker = RecordingDocker(dict.fromkeys(NODES, True), now)
    for _ in range(2):
        with Steps(io.StringIO()).step("Kubernetes cluster") as step:
            image = NodeImage("bookstore/node:0", ours=True)
            kindcluster.ensure(settings, docker, image, step)
    renewals = [done for done in docker.__dict__["done"] if "certs apiserver" in done]
    assert len(renewals) == (recorded.get("address") != now)
    assert json.loads(kindcluster.record(settings).read_text()) == made | {"address": now}
