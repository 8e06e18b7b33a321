"""A store grows by the requests that it answers, read by an autoscaler from prometheus-adapter."""

from __future__ import annotations

import json

import pytest

from tests.cluster.support.kube import Kube
from tests.cluster.support.lab import RESOURCES, Lab
from tests.cluster.support.store import Store
from tests.real.parts.prometheusadapter.part import API
from tests.real.support.monitoring import OF_THE_SHOP, added
from tests.support.background import repeating
from tests.support.poll import eventually
from tests.support.shopper import Shopper

METRIC = "bookstore_http_requests_per_second"
WANTED = 3  # requests in a second, for each pod
# The CPU never asks for another pod: ten times all that one may use.
SCALING = {
    "minReplicas": 1,
    "maxReplicas": 2,
    "cpuUtilization": 1000,
    "requestsPerSecond": WANTED,
}
RESOURCES_OF_POD = {**RESOURCES, "requests": {"cpu": "100m", "memory": "96Mi"}}


def served(store: Store) -> dict[str, float]:
    """Return the requests in a second that the API of custom metrics tells, by pod."""
    told = store.kube.read(f"{API}/namespaces/{store.namespace}/pods/*/{METRIC}")
    return {
        one["describedObject"]["name"]: quantity(one["value"]) for one in json.loads(told)["items"]
    }


def quantity(text: str) -> float:
    return float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)


@pytest.mark.usefixtures("custom_metrics")
def test_a_store_grows_by_its_requests_and_an_idle_one_counts_none(
    kube: Kube, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = lab.external(replicas=None, autoscaling=SCALING, resources=RESOURCES_OF_POD)
    with added(kube, tmp_path_factory.mktemp("shop"), OF_THE_SHOP, store.namespace):
        store.wait_ready(within=300)

        def idle() -> None:
            # It is asked for its health all the while.
            assert served(store) == {pod["metadata"]["name"]: 0.0 for pod in store.pods()}

        eventually(idle, within=120)
        reader = Shopper(store.url())
        with repeating(lambda: reader.page("/"), every=0.1):

            def grown() -> None:
                assert store.get()["status"]["replicaSummary"] == "2/2"

            eventually(grown, within=240)
        autoscaler = store.child("HorizontalPodAutoscaler")["status"]
        conditions = {one["type"]: one for one in autoscaler["conditions"]}
        assert METRIC in conditions["ScalingActive"]["message"]
        (measured,) = [one for one in autoscaler["currentMetrics"] if one["type"] == "Pods"]
        assert measured["pods"]["metric"]["name"] == METRIC
        assert quantity(measured["pods"]["current"]["averageValue"]) > 0
        store.told("Autoscaling", "True")
        store.wait_ready()
        # Nor was it ever missed, while its pods were new.
        assert "CustomMetricsMissing" not in {event["reason"] for event in store.events()}
