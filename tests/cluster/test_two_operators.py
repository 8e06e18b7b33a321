"""Two operators run, one of them acts, and the other takes over whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import Lab
from tests.cluster.support.nodes import paused
from tests.cluster.support.operator import NAME, NAMESPACE, Operator
from tests.cluster.support.store import Store
from tests.support.poll import eventually

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def store(module_lab: Lab) -> Store:
    """Run one store for the whole module."""
    store = module_lab.external()
    store.wait_ready()
    return store


def edited(store: Store, cpu: str) -> Callable[[], None]:
    """Edit a store, and return what asks whether its Deployment follows."""
    store.edit(resources={"requests": {"cpu": cpu}})

    def followed() -> None:
        (container,) = store.child("Deployment")["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["requests"]["cpu"] == cpu

    return followed


def since(start: float) -> float:
    return round(time.monotonic() - start, 1)


@pytest.mark.fault(row=24)
def test_the_other_takes_over_when_the_one_that_acts_dies(
    store: Store, operator: Operator, record_property: Record
) -> None:
    leader = operator.pod()
    start = time.monotonic()
    operator.kill(leader)
    eventually(edited(store, "11m"), within=60)
    record_property("seconds until the other operator acts", since(start))
    assert operator.leader() != leader
    store.wait_ready()


@pytest.mark.fault(row=24)
def test_one_that_was_frozen_stays_out_of_the_way_of_the_other(
    store: Store, operator: Operator
) -> None:
    leader = operator.pod()
    restarts = operator.restarts(leader)
    with operator.frozen(leader):
        eventually(edited(store, "12m"), within=60)
        other = operator.leader()
        assert other != leader
        store.wait_ready()
        before = store.child("Deployment")["metadata"]["resourceVersion"]

    def begun_anew() -> None:
        assert operator.restarts(leader) > restarts, "it goes on as if nothing had been"

    eventually(begun_anew, within=60)
    assert operator.pod() == other
    assert store.child("Deployment")["metadata"]["resourceVersion"] == before


@pytest.mark.fault(row=24)
def test_an_update_hands_over_without_a_wait(
    kube: Kube, store: Store, operator: Operator, record_property: Record
) -> None:
    before = operator.pod()
    kube.kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{NAME}")

    def given_back() -> None:
        assert operator.lease().get("holderIdentity", "").partition("_")[0] != before

    eventually(given_back, within=90, every=0.05)
    start = time.monotonic()
    eventually(edited(store, "13m"), within=60, every=0.05)
    record_property("seconds from the hand-over to an edit that was followed", since(start))
    kube.kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{NAME}", "--timeout=90s")
    assert operator.pod() != before
    store.wait_ready()


@pytest.mark.fault(row=24)
def test_the_other_takes_over_within_30_s_when_the_node_of_the_one_that_acts_dies(
    kube: Kube, store: Store, operator: Operator, record_property: Record
) -> None:
    """A node that is paused sends nothing any more, as one that is dead."""
    leader = operator.pod()
    nodes = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in operator.pods()}
    assert len(set(nodes.values())) == 2, f"both are on one node: {nodes}"
    with paused(kube, nodes[leader]):
        start = time.monotonic()
        eventually(edited(store, "14m"), within=30)
        record_property("seconds until the other operator acts, after a node's death", since(start))
        other = operator.leader()
        assert other != leader
    assert operator.pod() == other, "the one that comes back waits"
    store.wait_ready(within=180)
