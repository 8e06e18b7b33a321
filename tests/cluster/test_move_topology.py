"""A live store moves to services and back while people buy, and the operator dies on the way."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bookstore_operator.api.move import PHASES
from bookstore_operator.kube.objects import Manifest
from tests.cluster.support.crowd import Crowd
from tests.cluster.support.lab import Lab
from tests.cluster.support.operator import Operator
from tests.cluster.support.services import SERVICES
from tests.cluster.support.store import Store, brief
from tests.support.poll import eventually

ORDERS = "SELECT purchase_id FROM {schema}.orders"
Record = Callable[[str, object], None]


def services_of(lab: Lab, store: Store) -> Manifest:
    """Make the logins of a store's services, and return what its spec says of the services."""
    made = lab.mysql.create_services(lab.logins[store.name], SERVICES)
    spec: Manifest = {"gateway": {"image": lab.images["NGINX_IMAGE"], "replicas": 1}}
    for name, login in made.items():
        secret = f"{store.name}-{name}-db"
        lab.kube.apply(login.secret(lab.namespace, secret))
        spec[name] = {"database": {"credentialsSecretRef": {"name": secret}}}
    return spec


def move(store: Store, to: str, **changes: object) -> list[str]:
    """Want a topology, wait until the store serves as that, and return the phases that it told."""
    store.edit(topology=to, **changes)
    seen: list[str] = []

    def moved() -> None:
        status = store.get()["status"]
        phase = status.get("move", {}).get("phase", "")
        if phase and phase not in seen:
            seen.append(phase)
            assert store.conditions().get("Available", {}).get("status") == "True"
        conditions = store.conditions()
        assert (status["topology"], phase) == (to, ""), brief(conditions)
        assert conditions.get("Ready", {}).get("status") == "True", brief(conditions)

    eventually(moved, within=240, every=0.2)
    return seen


def under_way(store: Store) -> None:
    """Assert that a move has begun."""
    assert "move" in store.get()["status"]


@pytest.mark.fault(row=1)
def test_a_store_moves_to_services_and_back_while_people_buy(
    lab: Lab, operator: Operator, record_property: Record
) -> None:
    store = lab.external()
    store.wait_ready()
    services = services_of(lab, store)
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

    numbers = [page.rpartition("/")[2] for page in crowd.pages]
    schema = lab.logins[store.name].database
    written = lab.mysql.run(ORDERS.format(schema=schema)).split()
    assert sorted(written) == sorted(numbers), "each order that was acknowledged is there, once"
    assert crowd.sold() == crowd.bought == len(crowd.buyer.orders())
