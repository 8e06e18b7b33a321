"""versions.env is the one list of versions, and everything that pins one agrees with it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from cluster import programs
from cluster.errors import ClusterError
from cluster.settings import ROOT
from cluster.versions import Versions, parse

VERSIONS = Versions.load(ROOT / "versions.env")
PARTS = ROOT / "tests" / "real" / "parts"


def test_reads_keys_and_passes_over_comments_and_blank_lines() -> None:
    assert parse("# why\n\nA_VERSION=v1.2\nIMAGE=a:b@sha256:00\n") == {
        "A_VERSION": "v1.2",
        "IMAGE": "a:b@sha256:00",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A=1\nnonsense\n", "versions.env:2 is 'nonsense'; write it as KEY=value without spaces."),
        ("A = 1\n", "versions.env:1 is 'A = 1'; write it as KEY=value without spaces."),
        ("A=1\nA=2\n", "versions.env:2 gives A again; keep one of the two."),
    ],
)
def test_a_wrong_line_is_named(text: str, sentence: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(sentence)):
        parse(text)


def test_a_missing_key_says_what_to_add() -> None:
    with pytest.raises(ClusterError, match="add the line NOPE=<version>"):
        Versions({})["NOPE"]


@pytest.mark.parametrize("key", ["KIND_NODE_IMAGE", "PYTHON_IMAGE", "MYSQL_IMAGE", "NGINX_IMAGE"])
def test_images_of_others_are_pinned_by_digest(key: str) -> None:
    assert re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", VERSIONS[key])


@pytest.mark.parametrize(
    ("key", "path", "folder"),
    [
        ("KUBERNETES_VERSION", "k8s.io/kubernetes", programs.MODULE),
        ("KIND_VERSION", "sigs.k8s.io/kind", programs.MODULE),
        ("ETCD_VERSION", "go.etcd.io/etcd/server/v3", programs.MODULE),
        ("COREDNS_VERSION", "github.com/coredns/coredns", programs.MODULE),
        (
            "LOCAL_PATH_PROVISIONER_VERSION",
            "github.com/rancher/local-path-provisioner",
            programs.MODULE,
        ),
        ("METALLB_VERSION", "go.universe.tf/metallb", programs.MODULE),
        ("METRICS_SERVER_VERSION", "sigs.k8s.io/metrics-server", programs.METRICS_MODULE),
        ("KWOK_VERSION", "sigs.k8s.io/kwok", programs.KWOK_MODULE),
        ("COMPOSE_VERSION", "github.com/docker/compose/v2", programs.COMPOSE_MODULE),
        (
            "AWS_LOAD_BALANCER_CONTROLLER_VERSION",
            "sigs.k8s.io/aws-load-balancer-controller",
            PARTS / "loadbalancers" / "go",
        ),
        (
            "CERT_MANAGER_VERSION",
            "github.com/cert-manager/cert-manager",
            PARTS / "certmanager" / "go",
        ),
        ("GATEWAY_API_VERSION", "sigs.k8s.io/gateway-api", PARTS / "traefik" / "go"),
        (
            "KUBE_ROUTER_VERSION",
            "github.com/cloudnativelabs/kube-router/v2",
            PARTS / "kuberouter" / "go",
        ),
        ("PEBBLE_VERSION", "github.com/letsencrypt/pebble/v2", PARTS / "pebble" / "go"),
        (
            "PERCONA_XTRADB_CLUSTER_OPERATOR_VERSION",
            "github.com/percona/percona-xtradb-cluster-operator",
            PARTS / "percona" / "go",
        ),
        (
            "PROMETHEUS_ADAPTER_VERSION",
            "sigs.k8s.io/prometheus-adapter",
            PARTS / "prometheusadapter" / "go",
        ),
        (
            "PROMETHEUS_OPERATOR_VERSION",
            "github.com/prometheus-operator/prometheus-operator",
            PARTS / "prometheus" / "go",
        ),
        (
            "PROMETHEUS_VERSION",
            "github.com/prometheus/prometheus",
            PARTS / "prometheus" / "go",
        ),
        ("TRAEFIK_VERSION", "github.com/traefik/traefik/v3", PARTS / "traefik" / "go"),
        ("VERSITYGW_VERSION", "github.com/versity/versitygw", PARTS / "versitygw" / "go"),
    ],
)
def test_go_modules_are_of_the_version_that_stands_in_versions_env(
    key: str, path: str, folder: Path
) -> None:
    told = subprocess.run(
        ["go", "mod", "edit", "-json"], cwd=folder, capture_output=True, check=True, text=True
    )
    module = json.loads(told.stdout)
    versions = {one["Path"]: one["Version"] for one in module["Require"]}
    # A module that is published under another path than its own stands among the replacements.
    replaced = module.get("Replace") or []
    versions |= {one["Old"]["Path"]: one["New"]["Version"] for one in replaced}
    assert versions[path] == VERSIONS[key]


def test_the_staging_modules_are_of_the_kubernetes_version() -> None:
    text = (programs.MODULE / "go.mod").read_text()
    staging = set(re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ (v0\.\d+\.\d+)$", text, re.MULTILINE))
    assert staging == {VERSIONS["KUBERNETES_VERSION"].replace("v1.", "v0.", 1)}


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (
            "AWS_LOAD_BALANCER_CONTROLLER_VERSION",
            "github.com/kubernetes-sigs/aws-load-balancer-controller",
        ),
        (
            "PROMETHEUS_OPERATOR_VERSION",
            "github.com/prometheus-operator/prometheus-operator",
        ),
    ],
)
def test_a_controller_that_runs_is_that_whose_chart_or_kinds_are_checked(
    key: str, path: str
) -> None:
    lines = (ROOT / "tests" / "deploy" / "eks" / "modules.sum").read_text().splitlines()
    checked = {path: version for path, version, _ in (line.split() for line in lines)}
    assert checked[path] == VERSIONS[key]
