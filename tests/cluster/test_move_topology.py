"""A live store moves between topologies while people buy.

The operator dies on the way, and the store turns back in the middle.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bookstore_operator.api.move import PHASES
from bookstore_operator.kube.objects import Manifest
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.lab import Lab
from tests.cluster.support.moves import move, under_way
from tests.cluster.support.operator import Operator
from tests.cluster.support.services import SERVICES, one_gateway
from tests.cluster.support.store import Store
from tests.support.poll import eventually

ORDERS = "SELECT purchase_id FROM {schema}.orders"
Record = Callable[[str, object], None]


def movable(lab: Lab) -> tuple[Store, Manifest]:
    """Make a store and the logins of its services; return it, and what its spec says of these."""
    store = lab.external()
    store.wait_ready()
    made = lab.mysql.create_services(lab.logins[store.name], SERVICES)
    spec: Manifest = {"gateway": one_gateway(lab.images)}
    for name, login in made.items():
        secret = f"{store.name}-{name}-db"
        lab.kube.apply(login.secret(lab.namespace, secret))
        spec[name] = {"database": {"credentialsSecretRef": {"name": secret}}}
    return store, spec


@pytest.mark.fault(row=1)
def test_a_store_moves_to_services_and_back_while_people_buy(
    lab: Lab, operator: Operator, record_property: Record
) -> None:
    store, services = movable(lab)
    with Crowd.of(store) as crowd:
        crowd.wait_bought(5, within=60)
        begun = time.monotonic()
        assert move(store, "Microservices", services=services) == list(PHASES)
        record_property("seconds to services", round(time.monotonic() - begun, 1))
        assert store.pods() == []
        crowd.wait_bought(5, within=60)
        as_services = crowd.bought

        store.edit(topology="Monolith")
        eventually(lambda: under_way(store), within=30)
        operator.kill()
        begun = time.monotonic()
        move(store, "Monolith")
        record_property(
            "seconds back, with the operator killed", round(time.monotonic() - begun, 1)
        )
        assert not any(store.pods(name) for name in (*SERVICES, "gateway"))
        crowd.wait_bought(5, within=60)
    record_property("orders acknowledged", crowd.bought)
    record_property("longest time without one", round(crowd.longest_gap, 1))
    assert crowd.failed == [], "every page was answered"
    assert crowd.read > as_services > 5

    assert_all_there(lab, store, crowd)


@pytest.mark.slow
@pytest.mark.parametrize("at", ["Starting", "CuttingOver", "Stopping"])
def test_a_store_that_turns_back_in_a_phase_serves_all_the_while(
    lab: Lab, at: str, record_property: Record
) -> None:
    store, services = movable(lab)
    with Crowd.of(store) as crowd:
        crowd.wait_bought(5, within=60)
        store.edit(topology="Microservices", services=services)
        eventually(lambda: is_in(store, at), within=120, every=0.1)
        begun = time.monotonic()
        move(store, "Monolith")
        record_property(f"seconds back from {at}", round(time.monotonic() - begun, 1))
        assert not any(store.pods(name) for name in (*SERVICES, "gateway"))
        crowd.wait_bought(5, within=60)
    record_property(f"longest time without an order, back from {at}", round(crowd.longest_gap, 1))
    assert crowd.failed == [], "every page was answered"
    assert_all_there(lab, store, crowd)


def is_in(store: Store, phase: str) -> None:
    """Assert that a move is in a phase."""
    assert store.get()["status"].get("move", {}).get("phase") == phase


def assert_all_there(lab: Lab, store: Store, crowd: Crowd) -> None:
    """Assert that each order that was acknowledged is in the whole shop's schema, once."""
    numbers = [page.rpartition("/")[2] for page in crowd.pages]
    schema = lab.logins[store.name].database
    written = lab.mysql.run(ORDERS.format(schema=schema)).split()
    assert sorted(written) == sorted(numbers)
    assert crowd.sold() == crowd.bought == len(crowd.buyer.orders())
