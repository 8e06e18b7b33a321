"""What stays and what goes when a store is deleted."""

from __future__ import annotations

import json

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.support.poll import eventually

# Views and notes of the cluster about other objects; they come and go without a hand of ours.
NOTES = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}

FOREIGN = "example.com/hold"  # a finalizer of somebody else


def inventory(kube: Kube, namespace: str) -> set[str]:
    """Return all objects of every kind in the namespace, and the volumes bound to it."""
    found = {
        f"persistentvolumes/{volume['metadata']['name']}"
        for volume in kube.list("PersistentVolume")
        if volume["spec"].get("claimRef", {}).get("namespace") == namespace
    }
    for place in served(kube):
        group, _, plural = place.rpartition("/")
        listed = json.loads(kube.read(f"{group}/namespaces/{namespace}/{plural}"))
        found |= {f"{plural}/{item['metadata']['name']}" for item in listed["items"]}
    return found


def served(kube: Kube) -> list[str]:
    """Return the API paths of all namespaced kinds that can be listed."""
    groups = json.loads(kube.read("/apis"))["groups"]
    roots = ["/api/v1"] + [f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups]
    places = []
    for root in roots:
        group = root.removeprefix("/api/v1").removeprefix("/apis/").partition("/")[0]
        for kind in json.loads(kube.read(root))["resources"]:
            full = f"{kind['name']}.{group}".rstrip(".")
            if kind["namespaced"] and "list" in kind["verbs"] and full not in NOTES:
                places.append(f"{root}/{kind['name']}")
    return places


def wait_left(kube: Kube, namespace: str, wanted: set[str]) -> None:
    """Wait until the namespace holds just what is wanted; the garbage collector takes a while."""

    def left() -> None:
        found = inventory(kube, namespace)
        assert found == wanted, f"too many: {found - wanted}, missing: {wanted - found}"

    eventually(left, within=90)


@pytest.mark.fault(row=23)
def test_retained_data_comes_back_and_delete_leaves_nothing(kube: Kube, lab: Lab) -> None:
    empty = inventory(kube, lab.namespace)
    store = lab.embedded()
    store.wait_ready(within=180)
    seller = store.shopper()
    book = seller.publish("La vorágine", quantity=7)
    store.exec(store.pods()[0], "sh", "-c", "echo cover > /app/uploads/cover")
    data = kube.get("PersistentVolumeClaim", lab.namespace, "shop-mysql-data")["spec"]["volumeName"]
    retained = {
        "persistentvolumeclaims/shop-files",
        "persistentvolumeclaims/shop-mysql-data",
        f"persistentvolumes/{lab.namespace}.shop.files",
        f"persistentvolumes/{data}",
    }

    store.delete()
    wait_left(kube, lab.namespace, empty | retained)

    again = lab.embedded()
    again.wait_ready(within=180)
    assert again.shopper().stock(book) == 7
    assert again.exec(again.pods()[0], "cat", "/app/uploads/cover").strip() == "cover"

    again.edit(deletionPolicy="Delete")
    again.delete()
    wait_left(kube, lab.namespace, empty)


def test_a_namespace_goes_with_the_stores_in_it(kube: Kube, lab: Lab) -> None:
    store = lab.external(deletionPolicy="Delete")

    def begun() -> None:
        assert store.child("Deployment")

    eventually(begun, within=60)
    kube.delete("Namespace", "", lab.namespace)

    def gone() -> None:
        found = kube.find("Namespace", "", lab.namespace)
        assert found is None, found["status"] if found else ""

    eventually(gone, within=90)
    assert kube.find("PersistentVolume", "", f"{lab.namespace}.shop.files") is None


def test_a_paused_or_broken_store_can_be_deleted(kube: Kube, lab: Lab) -> None:
    paused = lab.external("paused", state="Paused", deletionPolicy="Delete")
    login = lab.login("broken")
    broken = Store(kube, lab.namespace, "broken")
    broken.apply(lab.spec("broken", login.spec("no-such-secret"), deletionPolicy="Delete"))
    broken.wait_told("SecretNotFound")
    for store in (paused, broken):
        store.delete()
    assert kube.find("PersistentVolume", "", f"{lab.namespace}.broken.files") is None


def test_a_store_that_goes_tells_what_it_waits_for(kube: Kube, lab: Lab) -> None:
    store = lab.external(deletionPolicy="Delete")
    store.wait_ready()
    claim = ("PersistentVolumeClaim", lab.namespace, "shop-files")
    kube.patch(*claim, [{"op": "add", "path": "/metadata/finalizers/-", "value": FOREIGN}])
    kube.delete("BookStore", lab.namespace, store.name)

    def told() -> None:
        message = store.told("Ready", "False", "Terminating")
        assert "PersistentVolumeClaim" in message
        assert "shop-files" in message

    try:
        eventually(told, within=60)
    finally:
        kept = [name for name in kube.get(*claim)["metadata"]["finalizers"] if name != FOREIGN]
        kube.patch(*claim, {"metadata": {"finalizers": kept}})
    store.delete()
