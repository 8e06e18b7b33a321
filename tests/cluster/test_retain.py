"""What Retain keeps outlives the namespace, and what Delete removes is gone from the disk."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.namespaces import named, opened, wait_gone
from tests.cluster.support.nodes import docker
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

UPLOAD = "/app/uploads/cover"
CLAIMS = ("-files", "-mysql-data")


def volumes(store: Store) -> list[Manifest]:
    """Return the volumes that the store's claims are bound to."""
    names = [store.claim(suffix)["spec"]["volumeName"] for suffix in CLAIMS]
    return [store.kube.get("PersistentVolume", "", name) for name in names]


def policy_of_class(kube: Kube, volume: Manifest) -> str:
    name = volume["spec"]["storageClassName"]
    return str(kube.get("StorageClass", "", name)["reclaimPolicy"])


def folder(volume: Manifest) -> tuple[str, str]:
    """Return the node and the path on it where a volume of the local class lies."""
    spec = volume["spec"]
    (term,) = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return term["matchExpressions"][0]["values"][0], (spec.get("hostPath") or spec["local"])["path"]


def holds(volume: Manifest) -> bool:
    """Return whether the volume's folder is still on its node."""
    node, path = folder(volume)
    return docker("exec", node, "sh", "-c", f"test -e {path} && echo yes || true").strip() == "yes"


def start(kube: Kube, namespace: str, images: dict[str, str], mysql: MySQL) -> Store:
    store = Lab(kube, namespace, images, mysql).embedded(storage={"claim": {}})
    store.wait_ready(within=240)
    return store


@pytest.mark.slow
@pytest.mark.fault(row=23)
def test_volumes_outlive_their_namespace_unless_told_otherwise(
    kube: Kube, images: dict[str, str], mysql: MySQL
) -> None:
    with opened(kube, "retain") as namespace:
        store = start(kube, namespace, images, mysql)
        shopper = Shopper(store.url())
        email = shopper.register()
        book = shopper.publish("El coronel", quantity=4)
        store.exec(store.pods()[0], "sh", "-c", f"echo before > {UPLOAD}")
        before = volumes(store)
    assert [policy_of_class(kube, volume) for volume in before] == ["Delete", "Delete"]
    for volume in before:
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        labels = volume["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "bookstore-operator"
        assert labels["app.kubernetes.io/instance"] == store.name
        assert labels["bookstore.dev/namespace"] == namespace
    wait_gone(kube, namespace)
    for volume in before:
        left = kube.get("PersistentVolume", "", volume["metadata"]["name"])
        assert "deletionTimestamp" not in left["metadata"]

    with named(kube, namespace):
        again = start(kube, namespace, images, mysql)
        shopper = Shopper(again.url())
        shopper.log_in(email)
        assert shopper.stock(book) == 4
        assert again.exec(again.pods()[0], "cat", UPLOAD).strip() == "before"
        assert {v["metadata"]["uid"] for v in volumes(again)} == {
            v["metadata"]["uid"] for v in before
        }
        assert all(holds(volume) for volume in before)
        again.edit(deletionPolicy="Delete")
        wait_observed(again)

    def gone() -> None:
        for volume in before:
            name = volume["metadata"]["name"]
            assert kube.find("PersistentVolume", "", name) is None, f"{name} is still there"
            assert not holds(volume), f"the data of {name} is still on its node"

    wait_gone(kube, namespace)
    eventually(gone, within=120)


def wait_observed(store: Store) -> None:
    """Wait until the operator has judged the spec as it is now."""

    def observed() -> None:
        found = store.get()
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]

    eventually(observed, within=60)
