"""A store on a cluster of three nodes that the real operator of Percona runs.

Its database pods are of an image that stands in for Percona's: see tests/real/support/percona.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.real.parts.percona.part import database_image
from tests.real.support.percona import (
    CLUSTER,
    NODES,
    STARTED,
    WRITER,
    gone,
    provisioning,
    serving,
    small,
)
from tests.real.support.workshop import Workshop
from tests.support.poll import eventually
from tests.support.shopper import Shopper

Record = Callable[[str, object], None]
OWN_SECRETS = (f"{CLUSTER}-secrets", f"internal-{CLUSTER}")


@pytest.fixture(scope="module")
def spec(module_lab: Lab, workshop: Workshop, percona_operator: None) -> Manifest:
    return module_lab.spec("shop", small(database_image(workshop)))


@pytest.fixture(scope="module")
def store(module_lab: Lab, spec: Manifest) -> Store:
    """Have a store on such a cluster; no test stands alone without it."""
    store = Store(module_lab.kube, module_lab.namespace, "shop")
    store.apply(spec)
    provisioning(store)
    store.wait_ready(within=STARTED)
    return store


def claims(store: Store) -> dict[str, str]:
    """Return the volumes of the nodes by the names of their claims."""
    found = store.kube.list("PersistentVolumeClaim", store.namespace)
    named = {one["metadata"]["name"]: one["spec"]["volumeName"] for one in found}
    return {name: volume for name, volume in named.items() if name.startswith("datadir-")}


def secrets(store: Store) -> dict[str, Manifest]:
    """Return what the Secrets of the cluster's own users hold."""
    return {name: store.kube.get("Secret", store.namespace, name)["data"] for name in OWN_SECRETS}


def test_a_store_sells_through_the_proxies_of_its_cluster(store: Store) -> None:
    serving(store)
    assert store.config()["data"]["DB_HOST"] == f"{CLUSTER}-haproxy"
    book = store.shopper().publish("Pedro Páramo", quantity=3)
    buyer = store.shopper()
    buyer.buy(book)
    assert buyer.stock(book) == 2
    assert len(buyer.orders()) == 1


def test_every_pod_of_the_cluster_is_within_the_restricted_standard(
    kube: Kube, store: Store
) -> None:
    namespace = kube.get("Namespace", "", store.namespace)["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = [pod["metadata"]["name"] for pod in kube.list("Pod", store.namespace)]
    assert set(NODES) < set(pods)


def test_no_order_is_lost_when_the_node_that_is_written_to_is_killed(
    kube: Kube, store: Store, record_property: Record
) -> None:
    serving(store)
    crowd = Crowd.of(store)
    with crowd:
        crowd.wait_bought(5, within=60)
        killed = time.monotonic()
        kube.delete("Pod", store.namespace, WRITER, grace=0)
        crowd.wait_bought(10, within=180)
        serving(store)
        record_property("seconds until a killed database node is back", since(killed))
        crowd.wait_bought(5, within=60)
    record_property("seconds without writes, a database node killed", round(crowd.longest_gap, 1))
    assert crowd.bought <= crowd.sold() <= crowd.bought + len(crowd.failed)
    assert store.told("Available", "True")


def since(start: float) -> float:
    return round(time.monotonic() - start, 1)


def test_retain_keeps_volumes_and_secrets_for_a_store_of_the_same_name(
    store: Store, spec: Manifest
) -> None:
    seller = Shopper(store.url())
    email = seller.register()
    book = seller.publish("El llano en llamas", quantity=4)
    volumes, kept, password = claims(store), secrets(store), store.secret()["database-password"]
    assert set(volumes) == {f"datadir-{node}" for node in NODES}

    gone(store)
    assert claims(store) == volumes
    assert secrets(store) == kept

    store.apply(spec)
    store.wait_ready(within=STARTED)
    assert store.secret()["database-password"] != password
    assert claims(store) == volumes
    assert secrets(store) == kept
    again = Shopper(store.url())
    again.log_in(email)
    assert again.stock(book) == 4
    store.shopper().buy(book)
    assert again.stock(book) == 3


def test_delete_removes_the_volumes(store: Store) -> None:
    store.edit(deletionPolicy="Delete")
    gone(store)

    def removed() -> None:
        assert claims(store) == {}

    eventually(removed, within=120)
