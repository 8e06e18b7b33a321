"""Percona's operator takes a cluster, and makes of it what databases would run from."""

from __future__ import annotations

import base64

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.real.parts.percona.part import cluster
from tests.real.support.workshop import Workshop
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("percona_operator")

VERSION = "PERCONA_XTRADB_CLUSTER_OPERATOR_VERSION"


@pytest.fixture
def books(kube: Kube, namespace: str, workshop: Workshop) -> Manifest:
    applied = cluster(namespace, "books", workshop.settings.versions[VERSION])
    return kube.apply(applied)


def test_a_cluster_gets_passwords_of_its_users_nodes_and_a_proxy(
    kube: Kube, namespace: str, books: Manifest
) -> None:
    def made() -> None:
        users = kube.get("Secret", namespace, "books-users")["data"]
        assert {"root", "operator", "monitor"} <= set(users)
        assert all(base64.b64decode(password) for password in users.values())
        nodes = kube.get("StatefulSet", namespace, "books-pxc")["spec"]
        assert nodes["replicas"] == 1
        assert nodes["template"]["spec"]["containers"][0]["image"] == "kind.local/absent/pxc:8.0"
        kube.get("StatefulSet", namespace, "books-haproxy")
        kube.get("Service", namespace, "books-haproxy")

    eventually(made, within=120)


def test_a_cluster_without_nodes_that_run_is_initializing(
    kube: Kube, namespace: str, books: Manifest
) -> None:
    def told() -> None:
        status = kube.get("PerconaXtraDBCluster", namespace, "books").get("status", {})
        assert status.get("state") == "initializing", status

    eventually(told, within=120)


def test_database_pods_start_from_the_image_of_the_operator(
    kube: Kube, namespace: str, books: Manifest
) -> None:
    def lent() -> None:
        (operator,) = kube.list("Pod", "real-percona")
        (image,) = {one["image"] for one in operator["spec"]["containers"]}
        nodes = kube.get("StatefulSet", namespace, "books-pxc")["spec"]["template"]["spec"]
        assert [one["image"] for one in nodes["initContainers"]] == [image]

    eventually(lent, within=120)
