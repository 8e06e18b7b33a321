"""What happens to one service while people buy costs no order, and no more of the shop than it has.

No order is lost that somebody was told of, none is sold twice, and none is charged that is no
order: the services' own reconciliation says so after each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.namespaces import opened
from tests.cluster.support.nodes import ctr, cut_off
from tests.cluster.support.services import SERVICES, Record, of_services, people_buy
from tests.cluster.support.store import Store
from tests.support.poll import eventually

pytestmark = pytest.mark.slow

AWAY_SECONDS = 15
"""For how long a service is cut off or stands still: longer than a call waits, and its repeats."""

LATE_SECONDS, LATE_ANSWERS, AWAKE_SECONDS = 5, 5, 0.5
"""How late a service that is slow answers, how often it does, and how long it works in between."""


@pytest.fixture(scope="module")
def store(kube: Kube, images: dict[str, str]) -> Iterator[Store]:
    """Give a store of services; each test leaves it whole."""
    with opened(kube, "faults") as namespace:
        yield of_services(kube, namespace, images)


def whole(store: Store) -> None:
    eventually(lambda: store.told("Ready", "True"), within=180)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_killed(
    kube: Kube, store: Store, service: str, record_property: Record
) -> None:
    with people_buy(store, f"{service} killed", lambda: whole(store), record_property) as crowd:
        for pod in store.pods(service):
            kube.delete("Pod", store.namespace, pod["metadata"]["name"], grace=0)
        crowd.wait_bought(10, within=120)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_cut_off(
    kube: Kube, store: Store, service: str, record_property: Record
) -> None:
    with people_buy(store, f"{service} cut off", lambda: whole(store), record_property) as crowd:
        (pod,) = store.pods(service)
        with cut_off(kube, store.namespace, pod["metadata"]["name"]):
            time.sleep(AWAY_SECONDS)
        crowd.wait_bought(10, within=120)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_stands_still(
    kube: Kube, store: Store, service: str, record_property: Record
) -> None:
    fault = f"{service} standing still"
    with people_buy(store, fault, lambda: whole(store), record_property) as crowd:
        (pod,) = store.pods(service)
        with standing_still(pod):
            time.sleep(AWAY_SECONDS)
        crowd.wait_bought(10, within=120)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_answers_late(
    kube: Kube, store: Store, service: str, record_property: Record
) -> None:
    fault = f"{service} {LATE_SECONDS} s late"
    with people_buy(store, fault, lambda: whole(store), record_property) as crowd:
        (pod,) = store.pods(service)
        for _ in range(LATE_ANSWERS):
            with standing_still(pod):
                time.sleep(LATE_SECONDS)
            time.sleep(AWAKE_SECONDS)
        crowd.wait_bought(10, within=120)


@contextmanager
def standing_still(pod: Manifest) -> Iterator[None]:
    """Have no process of a pod run until the block ends; whoever asks it anything waits."""
    freeze(pod, "pause")
    try:
        yield
    finally:
        freeze(pod, "resume")


def freeze(pod: Manifest, action: str) -> None:
    for status in pod["status"]["containerStatuses"]:
        container = status["containerID"].removeprefix("containerd://")
        ctr(pod["spec"]["nodeName"], "tasks", action, container)


def test_the_database_is_killed(kube: Kube, store: Store, record_property: Record) -> None:
    with people_buy(store, "database killed", lambda: whole(store), record_property) as crowd:
        kube.delete("Pod", store.namespace, f"{store.name}-mysql-0", grace=0)
        crowd.wait_bought(10, within=180)
