"""A size that a volume cannot get is told, holds nothing else back, and can be taken back."""

from __future__ import annotations

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.support.poll import eventually

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def wait_refused(store: Store) -> None:
    """Wait until the store says that its claim cannot grow, and which claim that is."""

    store.wait_told("VolumeNotResized", mentions=f"{store.name}-files")

    def told() -> None:
        message = store.told("StorageReady", "False", "VolumeNotResized")
        assert "set storage.claim.size back to 1Gi" in message
        store.told("Available", "True")

    eventually(told, within=60)


def test_a_class_that_cannot_expand(kube: Kube, lab: Lab) -> None:
    (default,) = [
        found
        for found in kube.list("StorageClass")
        if found["metadata"].get("annotations", {}).get(DEFAULT) == "true"
    ]
    assert not default.get("allowVolumeExpansion"), "the local class expands: choose another"
    store = lab.external(storage={"claim": {"size": "1Gi"}})
    store.wait_ready()
    first = store.claim("-files")

    store.edit(storage={"claim": {"size": "2Gi"}})
    wait_refused(store)
    store.edit(replicas=2)

    def scaled() -> None:
        status = store.child("Deployment")["status"]
        assert status.get("readyReplicas") == 2, status

    eventually(scaled, within=120)
    wait_refused(store)

    store.edit(storage={"claim": {"size": "1Gi"}})
    store.wait_ready()
    last = store.claim("-files")
    assert last["metadata"]["uid"] == first["metadata"]["uid"]
    assert last["spec"]["resources"]["requests"] == {"storage": "1Gi"}
