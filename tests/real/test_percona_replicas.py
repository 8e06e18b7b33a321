"""A store that reads from the replicas of a cluster that the real operator of Percona runs.

NetworkPolicies are enforced, so that the shop reaches no port but those that its store names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.moves import move
from tests.cluster.support.services import Record, one_gateway
from tests.cluster.support.store import Store
from tests.real.parts.percona.part import database_image
from tests.real.support.latereads import assert_from_replicas, counted, read_anew
from tests.real.support.percona import (
    CLUSTER,
    NODES,
    STARTED,
    connections,
    desynced,
    gone,
    provisioning,
    serving,
    small,
)
from tests.real.support.workshop import Workshop
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("enforced_policies")

REPLICAS = NODES[1:]
USER = "bookstore"


@pytest.fixture(scope="module")
def store(
    enforced_policies: None, module_lab: Lab, workshop: Workshop, percona_operator: None
) -> Iterator[Store]:
    """Have such a store of one pod; each test leaves its cluster whole, and all in one shop."""
    database = small(database_image(workshop), readFromReplicas=True)
    store = Store(module_lab.kube, module_lab.namespace, "shop")
    store.apply(module_lab.spec("shop", database))
    provisioning(store)
    store.wait_ready(within=STARTED)
    serving(store)
    yield store
    gone(store)


def test_pages_are_read_from_the_replicas_and_written_to_the_first_node(
    kube: Kube, store: Store
) -> None:
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("Pedro Páramo", quantity=3)
    buyer.buy(book)
    assert seller.stock(book) == 2

    assert_from_replicas(store)
    # The shop keeps its connections: those to replicas are these reads'.
    assert sum(connections(kube, store.namespace, node, USER) for node in REPLICAS) > 0
    assert store.config()["data"]["DB_READER_HOST"] == f"{CLUSTER}-haproxy-replicas"


def test_a_page_is_served_by_the_first_node_while_the_replicas_are_away(
    kube: Kube, store: Store, record_property: Record
) -> None:
    with Crowd.of(store) as crowd:
        crowd.wait_bought(3, within=60)
        before = counted(store)
        with desynced(kube, store.namespace, REPLICAS):
            begun = time.monotonic()

            def taken_over() -> None:
                read_anew(store)
                told = counted(store) - before
                assert told["primary"] > 0, told

            eventually(taken_over, within=90)
            record_property("seconds until the primary answers", round(time.monotonic() - begun, 1))
            crowd.wait_bought(3, within=60)
        before = counted(store)

        def taken_back() -> None:
            read_anew(store)
            told = counted(store) - before
            assert told["reader"] > 0, told

        eventually(taken_back, within=60)
        crowd.wait_bought(3, within=60)
    record_property("pages that failed, replicas away", len(crowd.failed))
    record_property("seconds without an order, replicas away", round(crowd.longest_gap, 1))
    assert crowd.bought <= crowd.sold() <= crowd.bought + len(crowd.failed)


def test_a_move_that_the_database_cannot_make_is_told_and_taken_back_while_people_buy(
    store: Store, module_lab: Lab, record_property: Record
) -> None:
    services = {"gateway": one_gateway(module_lab.images)}
    with Crowd.of(store) as crowd:
        crowd.wait_bought(5, within=60)
        store.edit(topology="Microservices", services=services)
        # The stand-in is MariaDB, which is no MySQL here.
        why = "MariaDB cannot rename tables and views in one step"
        store.wait_told("MoveFailed", why, within=120)
        assert store.told("Available", "True")
        crowd.wait_bought(5, within=60)
        assert move(store, "Monolith")[-1] == "Contracting"
        crowd.wait_bought(5, within=60)
    record_property("orders acknowledged, a move taken back", crowd.bought)
    record_property("seconds without an order, a move taken back", round(crowd.longest_gap, 1))
    assert crowd.failed == [], "every page was answered"
    assert crowd.sold() == crowd.bought == len(crowd.buyer.orders())
    assert_from_replicas(store)
