"""A store of three services on a cluster of three nodes that the real operator of Percona runs.

Each has a schema and a user of its own there. Whatever happens to the cluster while people buy, no
order that they were told of is lost; the seconds without writes are the longest time in which they
were told of none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.cluster.support import nodes
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.services import SERVICES, Record, one_gateway, people_buy, schemas
from tests.cluster.support.store import Store
from tests.real.parts.percona.part import database_image
from tests.real.support.latereads import assert_from_replicas
from tests.real.support.percona import (
    NODES,
    PROXIES,
    STARTED,
    WRITER,
    gone,
    members,
    provisioning,
    serving,
    small,
)
from tests.real.support.workshop import Workshop
from tests.support.poll import eventually

# Node by node, each looked at every half a minute, and then the proxies.
UPGRADED = 900.0


@pytest.fixture(scope="module")
def image(workshop: Workshop, percona_operator: None) -> str:
    return database_image(workshop)


@pytest.fixture(scope="module")
def store(module_lab: Lab, image: str) -> Iterator[Store]:
    """Have such a store; each test leaves its cluster whole."""
    store = Store(module_lab.kube, module_lab.namespace, "shop")
    store.apply(
        module_lab.spec(
            "shop",
            small(image, readFromReplicas=True),
            topology="Microservices",
            services={"gateway": one_gateway(module_lab.images)},
        )
    )
    provisioning(store)
    eventually(lambda: store.told("Ready", "True"), within=STARTED)
    yield store
    gone(store)


@pytest.fixture(scope="module")
def newer_image(kube: Kube, image: str) -> Iterator[str]:
    """Have the workers hold the databases' image under another name too, as if it were newer."""
    name = f"{image}-newer"
    with ExitStack() as taken_back:
        for node in nodes.workers(kube):
            nodes.ctr(node, "images", "tag", "--force", image, name)
            taken_back.callback(nodes.ctr, node, "images", "remove", name)
        yield name


def test_a_store_of_services_sells_and_each_sees_its_own_schema(store: Store) -> None:
    serving(store)
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("Pedro Páramo", quantity=3)
    assert buyer.buy(book).startswith("/purchases/")
    assert len(buyer.orders()) == 1
    assert seller.stock(book) == 2
    for service in SERVICES:
        assert schemas(store, service) == {f"bookstore_{service}"}
    assert_from_replicas(store, "catalogue")


def test_no_order_is_lost_when_the_node_that_is_written_to_is_killed(
    kube: Kube, store: Store, record_property: Record
) -> None:
    with buying(store, "a database node killed", record_property) as crowd:
        kube.delete("Pod", store.namespace, WRITER, grace=0)
        crowd.wait_bought(10, within=180)


@pytest.mark.parametrize(
    ("others", "fault"),
    [
        (NODES[1:], "the node written to cut off from the others"),
        ([], "the node written to cut off from all"),
    ],
)
def test_no_order_is_lost_when_the_network_parts_the_node_that_is_written_to(
    kube: Kube, store: Store, others: list[str], fault: str, record_property: Record
) -> None:
    with buying(store, fault, record_property) as crowd:
        with nodes.cut_off(kube, store.namespace, WRITER, others):
            eventually(lambda: go_on_without_the_writer(kube, store), within=60)
            crowd.wait_bought(10, within=180)
        eventually(lambda: are_whole(kube, store), within=STARTED)


def go_on_without_the_writer(kube: Kube, store: Store) -> None:
    assert members(kube, store.namespace, NODES[1]) == 2


def are_whole(kube: Kube, store: Store) -> None:
    assert members(kube, store.namespace, WRITER) == 3


@pytest.mark.parametrize(
    ("killed", "fault"), [(PROXIES[:1], "a proxy killed"), (PROXIES, "all proxies killed")]
)
def test_no_order_is_lost_when_proxies_are_killed(
    kube: Kube, store: Store, killed: list[str], fault: str, record_property: Record
) -> None:
    with buying(store, fault, record_property) as crowd:
        for proxy in killed:
            kube.delete("Pod", store.namespace, proxy, grace=0)
        crowd.wait_bought(10, within=180)


def test_no_order_is_lost_when_the_whole_cluster_is_upgraded(
    kube: Kube, store: Store, newer_image: str, record_property: Record
) -> None:
    images = {"image": newer_image, "haproxy": {"image": newer_image}}
    with buying(store, "the cluster upgraded", record_property):
        store.edit(database={"percona": images})
        eventually(lambda: are_of(kube, store, newer_image), within=UPGRADED)


def are_of(kube: Kube, store: Store, image: str) -> None:
    """Assert that each node and proxy runs an image, and is ready."""
    for name in (*NODES, *PROXIES):
        pod = kube.get("Pod", store.namespace, name)
        found = {one["image"] for one in pod["spec"]["containers"]}
        assert found == {image}, (name, found)
        waits = [one["name"] for one in pod["status"]["containerStatuses"] if not one["ready"]]
        assert not waits, (name, waits)


def buying(store: Store, fault: str, record: Record) -> AbstractContextManager[Crowd]:
    """Have people buy while something happens to the database cluster."""
    return people_buy(store, fault, lambda: serving(store), record)
