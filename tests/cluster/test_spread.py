"""Replicas stand on different nodes where there are any, and start all the same where not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, ready_endpoints
from tests.cluster.support.lab import Lab
from tests.cluster.support.mysql import MySQL
from tests.cluster.support.nodes import cordoned, paused, workers
from tests.cluster.support.store import Store
from tests.support.poll import eventually
from tests.support.shopper import Shopper

Record = Callable[[str, object], None]

NAME = "spread"  # of its own, so that a drain of its pods is one of its pods alone
CALM = 30  # pages in a row


@pytest.fixture(scope="module")
def spread(module_lab: Lab) -> Store:
    """Run a store of two replicas, once for the module."""
    return module_lab.external(NAME, replicas=2)


@pytest.fixture
def store(spread: Store) -> Store:
    """Return the module's store, whole again after the test before."""
    spread.wait_ready()
    return spread


@pytest.fixture
def pair(kube: Kube) -> list[str]:
    """Name the two workers of the local cluster."""
    names = workers(kube)
    assert len(names) == 2, names
    return names


def nodes(store: Store) -> list[str]:
    """Return the node of every pod of the shop, sorted."""
    return sorted(pod["spec"]["nodeName"] for pod in store.pods())


def restart(store: Store) -> None:
    """Roll all pods as a person does, and wait until that is done."""
    where = ("-n", store.namespace, f"deployment/{store.name}")
    store.kube.kubectl("rollout", "restart", *where)
    store.kube.kubectl("rollout", "status", *where, "--timeout=110s")
    store.wait_ready()


def test_after_every_rollout(store: Store, pair: list[str]) -> None:
    for _ in range(3):
        restart(store)
        assert len(set(nodes(store))) == 2, nodes(store)


def test_after_every_scale(store: Store, pair: list[str]) -> None:
    for _ in range(2):
        # The scheduler keeps a new pod apart from leaving ones too: two outweigh one that stays.
        store.wait_none_leaving()
        store.edit(replicas=1)
        store.wait_ready()
        store.edit(replicas=2)
        store.wait_ready()
        assert len(set(nodes(store))) == 2, nodes(store)


def test_a_drained_node(kube: Kube, store: Store, pair: list[str]) -> None:
    drained, other = pair
    with Crowd.of(store) as crowd, cordoned(kube, drained):
        kube.kubectl(
            *("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data"),
            *("--pod-selector", f"app.kubernetes.io/instance={NAME}", "--timeout=110s"),
        )
        store.wait_ready()
        assert nodes(store) == [other, other], "the pods start where there is a node"
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought > 0

    restart(store)
    assert len(set(nodes(store))) == 2, nodes(store)


def test_with_a_single_node_all_pods_start_on_it(kube: Kube, store: Store, pair: list[str]) -> None:
    full, other = pair
    with cordoned(kube, full):
        restart(store)
        assert nodes(store) == [other, other]


@pytest.mark.slow
def test_a_node_that_freezes_costs_what_was_on_it(
    kube: Kube, mysql: MySQL, store: Store, pair: list[str], record_property: Record
) -> None:
    if len(set(nodes(store))) < 2:
        restart(store)
    (database,) = kube.list("Pod", mysql.namespace)
    (frozen,) = [node for node in nodes(store) if node != database["spec"]["nodeName"]]
    url = by_control_plane(store)
    with Crowd.of(store, url) as crowd, paused(kube, frozen):
        begun = time.monotonic()

        def away() -> None:
            assert ready_endpoints(kube, store.namespace, f"{store.name}-svc") == 1

        eventually(away, within=300)
        record_property("seconds until a frozen node's pod is no endpoint", since(begun))
        steady(url)
    store.wait_ready(within=180)
    record_property("requests that failed while a node froze", len(crowd.failed))
    record_property("requests served while a node froze", crowd.read + crowd.bought)
    record_property("seconds of the slowest page while a node froze", round(crowd.slowest, 1))
    assert crowd.bought <= crowd.sold() <= crowd.bought + len(crowd.failed)


def since(start: float) -> float:
    return round(time.monotonic() - start, 1)


def by_control_plane(store: Store) -> str:
    """Return the shop's address at the node that is never frozen.

    The stand-in for the load balancer answers from one of the workers, as no cloud's does.
    """
    (node,) = store.kube.list("Node", labels="node-role.kubernetes.io/control-plane")
    addresses = {found["type"]: found["address"] for found in node["status"]["addresses"]}
    (port,) = store.child("Service", "-svc")["spec"]["ports"]
    return f"http://{addresses['InternalIP']}:{port['nodePort']}"


def steady(url: str) -> None:
    """Wait until many pages in a row are answered: kube-proxy has learned the endpoints."""

    def calm() -> None:
        reader = Shopper(url)
        for _ in range(CALM):
            reader.page("/")

    eventually(calm, within=60)
