"""A service's key is rotated as the how-to says, while people buy, and no request fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.services import Record, of_services
from tests.cluster.support.shell import type_in, typed
from tests.cluster.support.store import Store
from tests.support.poll import eventually

NAMES = "namespace=bookstore store=bookstore service=orders\n"
PODS = 2


@pytest.mark.slow
def test_a_rotation_fails_no_request_of_those_who_buy(
    kube: Kube, images: dict[str, str], namespace: str, tmp_path: Path, record_property: Record
) -> None:
    store = of_services(kube, namespace, images)
    services = store.get()["spec"]["services"]
    store.edit(services=services | {"orders": {"replicas": PODS}})
    eventually(lambda: all_ready(store), within=180)
    before = key(store)
    changes = {NAMES: f"namespace={namespace} store={store.name} service=orders\n"}
    script = typed("microservices-on-kubernetes", "Rotate a service's key", changes)
    with Crowd.of(store) as crowd:
        crowd.wait_bought(5, within=60)
        type_in(kube, script, tmp_path)
        crowd.wait_bought(5, within=60)
    record_property("orders bought during a rotation of keys", crowd.bought)
    assert crowd.failed == []
    assert key(store) != before
    assert not (tmp_path / "service.pem").exists()


def all_ready(store: Store) -> None:
    store.told("Ready", "True")
    told = {one["name"]: one for one in store.get()["status"]["services"]}
    assert told["orders"]["readyReplicas"] == PODS
    assert len(store.pods("orders")) == PODS


def key(store: Store) -> str:
    """Return the name of the one key that all pods have."""
    said = {store.exec(pod, "bookstore", "keys", "status") for pod in store.pods("orders")}
    (told,) = (json.loads(one) for one in said)
    assert told["published"] == [told["signs"]]
    return str(told["signs"])
