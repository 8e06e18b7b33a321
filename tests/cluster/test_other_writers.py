"""What others write beside the operator stays, and what they write against it ends in no storm."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.support.poll import eventually

AUDITED: Manifest = {
    "type": "example.com/Audited",
    "status": "True",
    "reason": "Looked",
    "message": "Somebody looked at it.",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
FIGHT = 20  # seconds
LIMIT = "revisionHistoryLimit"  # a field of ours that rolls no pod


@pytest.fixture(scope="module")
def shared(module_lab: Lab) -> Store:
    """Run a store, once for the module."""
    return module_lab.external()


@pytest.fixture
def store(shared: Store) -> Store:
    """Return the module's store, whole again after the test before."""
    shared.wait_ready()
    return shared


@pytest.mark.fault(row=6)
def test_a_condition_of_another_writer_stays(kube: Kube, store: Store) -> None:
    kube.patch(
        "BookStore",
        store.namespace,
        store.name,
        [{"op": "add", "path": "/status/conditions/-", "value": AUDITED}],
        "/status",
    )
    store.edit(replicas=2)
    store.wait_ready()
    conditions = store.get()["status"]["conditions"]
    assert [c for c in conditions if c["type"] == AUDITED["type"]] == [AUDITED]
    assert len({c["type"] for c in conditions}) == len(conditions)


def test_a_fight_with_another_controller_is_no_storm(kube: Kube, store: Store) -> None:
    """Write a field whenever the operator has reverted it, as a controller of another team does."""
    before = store.child("Deployment")
    wanted, other = before["spec"][LIMIT], before["spec"][LIMIT] + 5
    told = len(store.events())
    reverts = set()
    events = kube.watch("Deployment", store.namespace, FIGHT)
    kube.patch("Deployment", store.namespace, store.name, {"spec": {LIMIT: other}})
    for event in events:
        live = event["object"]
        if live["spec"][LIMIT] == wanted:
            reverts.add(live["metadata"]["generation"])
            kube.patch("Deployment", store.namespace, store.name, {"spec": {LIMIT: other}})
    assert 0 < len(reverts) <= FIGHT, f"{len(reverts)} reverts in {FIGHT} s"
    assert len(store.events()) - told <= FIGHT / 2, store.events()

    def reverted() -> None:
        assert store.child("Deployment")["spec"][LIMIT] == wanted

    eventually(reverted, within=120)
    store.wait_ready()
