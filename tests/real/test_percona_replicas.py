"""A store that reads from the replicas of a cluster that the real operator of Percona runs.

NetworkPolicies are enforced, so that the shop reaches no port but those that its store names.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter

import httpx
import pytest

from bookstore_operator.api.move import PHASES
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.moves import move
from tests.cluster.support.operator import samples
from tests.cluster.support.services import SERVICES, Record
from tests.cluster.support.store import Store
from tests.real.parts.percona.part import database_image
from tests.real.support.percona import (
    CLUSTER,
    NODES,
    STARTED,
    connections,
    desynced,
    provisioning,
    serving,
    small,
)
from tests.real.support.workshop import Workshop
from tests.support.poll import eventually

pytestmark = pytest.mark.usefixtures("enforced_policies")

REPLICAS = NODES[1:]
USER = "bookstore"
COUNT = "bookstore_late_reads_total"
METRICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9100/metrics").read().decode(), end="")
"""


@pytest.fixture(scope="module")
def store(
    enforced_policies: None, module_lab: Lab, workshop: Workshop, percona_operator: None
) -> Store:
    """Have such a store of one pod; each test leaves its cluster whole, and all in one shop."""
    database = small(database_image(workshop), readFromReplicas=True)
    store = Store(module_lab.kube, module_lab.namespace, "shop")
    store.apply(module_lab.spec("shop", database))
    provisioning(store)
    store.wait_ready(within=STARTED)
    serving(store)
    return store


def read_anew(store: Store, times: int = 1) -> None:
    """Read pages as somebody of whom the shop knows nothing, which no process has kept."""
    for _ in range(times):
        page = httpx.get(f"{store.url()}/", params={"q": uuid.uuid4().hex}, trust_env=False)
        assert page.status_code == httpx.codes.OK, page.text


def late_reads(store: Store, component: str = "web") -> Counter[str]:
    """Return how many late reads the pods of a part have counted, by who answered."""
    counted: Counter[str] = Counter()
    for pod in store.pods(component):
        page = samples(store.exec(pod, "python3", "-c", METRICS))
        for server in ("reader", "primary"):
            counted[server] += int(page.get(f'{COUNT}{{server="{server}"}}', 0))
    return counted


def test_pages_are_read_from_the_replicas_and_written_to_the_first_node(
    kube: Kube, store: Store
) -> None:
    seller, buyer = store.shopper(), store.shopper()
    book = seller.publish("Pedro Páramo", quantity=3)
    buyer.buy(book)
    assert seller.stock(book) == 2

    before = late_reads(store)
    read_anew(store, 20)
    told = late_reads(store) - before
    assert (told["reader"] >= 20, told["primary"]) == (True, 0), told
    # The shop keeps its connections: those to replicas are these reads'.
    assert sum(connections(kube, store.namespace, node, USER) for node in REPLICAS) > 0
    assert store.config()["data"]["DB_READER_HOST"] == f"{CLUSTER}-haproxy-replicas"


def test_a_page_is_served_by_the_first_node_while_the_replicas_are_away(
    kube: Kube, store: Store, record_property: Record
) -> None:
    with Crowd.of(store) as crowd:
        crowd.wait_bought(3, within=60)
        before = late_reads(store)
        with desynced(kube, store.namespace, REPLICAS):
            begun = time.monotonic()

            def taken_over() -> None:
                read_anew(store)
                told = late_reads(store) - before
                assert told["primary"] > 0, told

            eventually(taken_over, within=90)
            record_property("seconds until the primary answers", round(time.monotonic() - begun, 1))
            crowd.wait_bought(3, within=60)
        before = late_reads(store)

        def taken_back() -> None:
            read_anew(store)
            told = late_reads(store) - before
            assert told["reader"] > 0, told

        eventually(taken_back, within=60)
        crowd.wait_bought(3, within=60)
    record_property("pages that failed, replicas away", len(crowd.failed))
    record_property("seconds without an order, replicas away", round(crowd.longest_gap, 1))
    assert crowd.bought <= crowd.sold() <= crowd.bought + len(crowd.failed)


def test_a_store_moves_to_services_and_back_while_people_buy(
    store: Store, module_lab: Lab, record_property: Record
) -> None:
    services = {"gateway": {"image": module_lab.images["NGINX_IMAGE"], "replicas": 1}}
    with Crowd.of(store) as crowd:
        crowd.wait_bought(5, within=60)
        begun = time.monotonic()
        assert move(store, "Microservices", services=services) == list(PHASES)
        record_property("seconds to services on Percona", round(time.monotonic() - begun, 1))
        crowd.wait_bought(5, within=60)
        before = late_reads(store, "catalogue")
        read_anew(store, 10)
        told = late_reads(store, "catalogue") - before
        assert (told["reader"] >= 10, told["primary"]) == (True, 0), told

        begun = time.monotonic()
        move(store, "Monolith")
        record_property("seconds back on Percona", round(time.monotonic() - begun, 1))
        assert not any(store.pods(name) for name in (*SERVICES, "gateway"))
        crowd.wait_bought(5, within=60)
    record_property("orders acknowledged, moved on Percona", crowd.bought)
    record_property("seconds without an order, moved on Percona", round(crowd.longest_gap, 1))
    assert crowd.failed == [], "every page was answered"
    assert crowd.sold() == crowd.bought == len(crowd.buyer.orders())
    serving(store)
