"""Fixtures of the step to EKS: the local cluster, and what it knows of others' kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
import yaml

from tests.cluster.support.kube import Kube, Manifest, node_images
from tests.cluster.support.namespaces import opened, wait_all_gone
from tests.deploy.eks.support import ack, modules
from tests.deploy.eks.support.local import LocalStore
from tests.deploy.eks.support.overlays import ROOT
from tests.support.poll import NotYet, eventually

CRD = "CustomResourceDefinition"
LOAD_BALANCERS = "github.com/kubernetes-sigs/aws-load-balancer-controller"
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator"
DEFINITIONS = {
    "github.com/argoproj/argo-cd/v3": ["manifests/crds/application-crd.yaml"],
    "github.com/fluxcd/kustomize-controller": [
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"
    ],
    "github.com/fluxcd/source-controller": [
        "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml"
    ],
    LOAD_BALANCERS: ["helm/aws-load-balancer-controller/crds/crds.yaml"],
    PROMETHEUS: [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        for kind in ("podmonitors", "prometheusrules", "servicemonitors")
    ],
}


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """Reach the local cluster, which is brought up where none answers."""
    try:
        kube = Kube()
        kube.list("Node")
    except (AssertionError, NotYet, httpx.TransportError):
        subprocess.run([sys.executable, "-m", "cluster", "up", "--for-tests"], cwd=ROOT, check=True)
        kube = Kube()
    yield kube
    wait_all_gone(kube)


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """Name the images that the cluster's nodes hold: APP_IMAGE, OPERATOR_IMAGE, MYSQL_IMAGE."""
    return node_images()


@pytest.fixture(scope="package")
def local_store(
    kube: Kube, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStore]:
    """Apply the environment local in a namespace of its own, and wait until its shop is ready."""
    with opened(kube, "local") as namespace:
        local = LocalStore(kube, namespace, images, tmp_path_factory.mktemp("local"))
        local.apply()
        local.wait_ready(within=300)
        yield local


def third_party() -> Iterator[Manifest]:
    """Return the definitions of the kinds of others that the overlays and examples use."""
    yield ack.definition()
    for name, files in DEFINITIONS.items():
        with modules.opened(name) as module:
            for file in files:
                yield from yaml.safe_load_all(module.read(file))


@pytest.fixture(scope="package")
def third_party_kinds(kube: Kube) -> Iterator[None]:
    """Let the cluster know the kinds of others; those that it did not know are forgotten again."""
    added = []
    try:
        for definition in third_party():
            name = definition["metadata"]["name"]
            if kube.find(CRD, "", name) is None:
                added.append(name)
                kube.apply(definition)
        for name in added:
            eventually(lambda name=name: established(kube, name), within=60)  # type: ignore[misc]
        yield
    finally:
        for name in added:
            kube.delete(CRD, "", name)
        for name in added:
            eventually(lambda name=name: forgotten(kube, name), within=60)  # type: ignore[misc]


def established(kube: Kube, name: str) -> None:
    conditions = kube.get(CRD, "", name).get("status", {}).get("conditions", [])
    assert any(one["type"] == "Established" and one["status"] == "True" for one in conditions), name


def forgotten(kube: Kube, name: str) -> None:
    assert kube.find(CRD, "", name) is None, f"{name} is still there"
