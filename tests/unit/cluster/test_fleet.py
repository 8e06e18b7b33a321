"""The bench's cluster: what kind and kubeadm are told, and how programs reach it."""

import base64
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import fleet, kindcluster
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.kindcluster import Cluster
from cluster.nodeimage import NodeImage
from cluster.settings import PACKAGE, ROOT, from_environment
from cluster.steps import Step

SETTINGS = fleet.settings_of(from_environment({"HOME": "/h"}))
OURS = NodeImage("bookstore/node:0", ours=True)


def test_it_stands_beside_the_cluster_of_the_person() -> None:
    assert SETTINGS.name == "bookstore-bench"
    assert SETTINGS.context == "kind-bookstore-bench"
    named = from_environment({"HOME": "/h", "BOOKSTORE_CLUSTER": "mine"})
    assert fleet.settings_of(named).state != named.state


def test_one_real_node_runs_the_control_plane_alone() -> None:
    told: Any = fleet.config(SETTINGS, OURS, Path("/h/audit"))
    (node,) = told["nodes"]
    assert node["role"] == "control-plane"
    assert node["extraMounts"] == [
        {"hostPath": "/h/audit", "containerPath": fleet.AUDIT_ON_NODE},
    ]
    assert told["networking"]["kubeProxyMode"] == "none"


@pytest.mark.parametrize("ours", [True, False])
def test_the_node_is_patched_as_every_node_of_its_image(ours: bool) -> None:
    image = NodeImage("a-node", ours=ours)
    patches: Any = fleet.config(SETTINGS, image, Path("/h/audit"))["kubeadmConfigPatches"]
    common = kindcluster.node_patches(SETTINGS, image)
    assert patches[: len(common)] == common


def test_the_audit_log_and_its_policy_lie_in_the_folder_that_is_mounted() -> None:
    server = json.loads(fleet.kubeadm()[0])["apiServer"]
    (volume,) = server["extraVolumes"]
    assert volume["mountPath"] == volume["hostPath"] == fleet.AUDIT_ON_NODE
    for flag in ("audit-policy-file", "audit-log-path"):
        assert server["extraArgs"][flag].startswith(f"{fleet.AUDIT_ON_NODE}/")


def test_the_writes_of_the_operators_account_are_logged_and_no_others() -> None:
    rules: Any = fleet.audit_policy()["rules"]
    renewals, first, rest = rules
    assert renewals == {"level": "None", "resources": [{"group": "coordination.k8s.io"}]}
    (binding,) = yaml.safe_load_all(
        (ROOT / "manifests" / "operator" / "clusterrolebinding.yaml").read_text()
    )
    (account,) = binding["subjects"]
    assert first["users"] == [f"system:serviceaccount:{account['namespace']}:{account['name']}"]
    assert "get" not in first["verbs"]
    assert rest == {"level": "None"}


def test_kinds_own_skipped_phases_stay_skipped() -> None:
    (skipped,) = (
        patch for patch in map(json.loads, fleet.kubeadm()) if patch["kind"] == "InitConfiguration"
    )
    assert {"preflight", "addon/kube-proxy"} <= set(skipped["skipPhases"])


def test_the_simulated_nodes_are_those_that_kwok_looks_after_in_two_zones() -> None:
    items = fleet.nodes()["items"]
    documents = list(yaml.safe_load_all((PACKAGE / "manifests" / "kwok.yaml").read_text()))
    (config,) = (one for one in documents if one["kind"] == "ConfigMap")
    options, *stages = yaml.safe_load_all(config["data"]["kwok.yaml"])
    key, _, value = options["options"]["manageNodesWithAnnotationSelector"].partition("=")
    for node in items:  # type: ignore[attr-defined]
        assert node["metadata"]["annotations"] == {key: value}
    zones = Counter(
        node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for node in items  # type: ignore[attr-defined]
    )
    assert zones == {"zone-0": fleet.NODES / 2, "zone-1": fleet.NODES / 2}
    played = Counter(stage["spec"]["resourceRef"]["kind"] for stage in stages)
    assert played == {"Node": 1, "Pod": 3, "Service": 1}


def test_a_kubeconfig_names_the_server_its_authority_and_the_user() -> None:
    authority = base64.b64encode(b"a certificate").decode()
    server = fleet.Server("https://172.18.0.9:6443", authority)
    told = json.loads(server.kubeconfig({"token": "t"}))
    (context,) = told["contexts"]
    assert told["current-context"] == context["name"]
    (cluster,) = told["clusters"]
    assert context["context"]["cluster"] == cluster["name"]
    assert cluster["cluster"]["server"] == "https://172.18.0.9:6443"
    assert told["users"][0]["user"] == {"token": "t"}


class Initializing(Cluster):
    """A cluster whose API server refuses to list stores so many times."""

    def __init__(self, refusals: int) -> None:
        super().__init__(SETTINGS, Docker(Path("/usr/bin/docker")), ("n",), host_port=0)
        self.__dict__.update(refusals=refusals, asked=[])

    def attempt(self, *arguments: Any) -> subprocess.CompletedProcess[str]:
        self.__dict__["asked"].append(arguments)
        refused = len(self.__dict__["asked"]) <= self.__dict__["refusals"]
        said = "Error from server (TooManyRequests): storage is (re)initializing" if refused else ""
        return subprocess.CompletedProcess(arguments, int(refused), "", said)


def test_the_cluster_is_there_once_its_stores_can_be_listed() -> None:
    cluster = Initializing(refusals=1)
    fleet.wait_listed(cluster, Step("fleet"))
    assert cluster.__dict__["asked"] == [("get", f"--raw={fleet.STORES}")] * 2


def test_a_list_that_stays_refused_is_told_with_the_reason() -> None:
    with pytest.raises(ClusterError, match=r"lists no stores after 0 s: .*\(re\)initializing"):
        fleet.wait_listed(Initializing(refusals=9), Step("fleet"), seconds=0)
