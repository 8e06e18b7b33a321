"""Autoscaling chooses the number of pods, and nothing else fights it (faults.md, row 12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import ApiError, Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.cluster.support.store import Store
from tests.support.poll import eventually

METRICS_API = "v1beta1.metrics.k8s.io"


def replicas(store: Store) -> int:
    return int(store.child("Deployment")["spec"]["replicas"])


def scale(store: Store, kind: str, number: int) -> str:
    """Scale as a person does."""
    where = ("--namespace", store.namespace)
    return store.kube.kubectl("scale", f"{kind}/{store.name}", f"--replicas={number}", *where)


def numbers(before: int, events: Iterator[Manifest]) -> list[int]:
    """Return the numbers of pods that a Deployment was to have, in order."""
    told = [int(event["object"]["spec"]["replicas"]) for event in events]
    return [
        one
        for one, last in zip([before, *told], [None, before, *told], strict=False)
        if one != last
    ]


@contextmanager
def without_metrics_api(kube: Kube) -> Iterator[None]:
    """Let the cluster have no metrics server, as one that nobody installed it in."""
    kept = yaml.safe_load(kube.kubectl("get", "apiservice", METRICS_API, "-o", "yaml"))
    body = {name: kept[name] for name in ("apiVersion", "kind", "spec")}
    body["metadata"] = {"name": METRICS_API, "labels": kept["metadata"].get("labels", {})}
    kube.kubectl("delete", "apiservice", METRICS_API)
    try:
        yield
    finally:
        kube.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body))
        kube.kubectl("wait", f"apiservice/{METRICS_API}", "--for=condition=Available")


@pytest.mark.fault(row=12)
def test_without_autoscaling_whoever_scales_the_deployment_is_reverted(lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    scale(store, "deployment", 3)

    def reverted() -> None:
        assert replicas(store) == 1

    eventually(reverted, within=30)
    scale(store, "bookstore", 2)
    store.wait_ready()
    assert replicas(store) == 2


@pytest.mark.fault(row=12)
def test_pods_are_added_under_purchases_and_the_number_never_jumps(lab: Lab) -> None:
    store = lab.external(replicas=2)
    store.wait_ready()
    # What it tells is read at the end.
    events = store.kube.watch("Deployment", store.namespace, seconds=2)
    with Crowd.of(store) as crowd:
        # The pods ask for little CPU, so that people who shop are more than enough load.
        store.edit(
            replicas=None,
            autoscaling={"minReplicas": 1, "maxReplicas": 3, "cpuUtilization": 50},
        )
        eventually(lambda: store.told("Autoscaling", "True"), within=120)

        def grown() -> None:
            assert store.get()["status"]["replicaSummary"] == "3/3"

        eventually(grown, within=180)
        with pytest.raises(AssertionError, match="the autoscaler chooses the number"):
            scale(store, "bookstore", 1)
        with pytest.raises(ApiError, match="nothing says how many pods go on serving"):
            store.edit(autoscaling=None)
        store.edit(autoscaling=None, replicas=3)
        store.wait_ready()
        assert store.kube.find("HorizontalPodAutoscaler", store.namespace, store.name) is None
    assert numbers(2, events) == [2, 3]
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought > 0


def test_an_autoscaler_without_its_measures_says_which_one_is_missing(kube: Kube, lab: Lab) -> None:
    with without_metrics_api(kube):
        store = lab.external(replicas=None, autoscaling={"minReplicas": 1, "maxReplicas": 2})
        store.wait_told("ResourceMetricsMissing", "install the metrics server", within=120)
    store.wait_ready(within=180)
    store.edit(autoscaling={"minReplicas": 1, "maxReplicas": 2, "requestsPerSecond": 20})
    # Not at once: the pods might be new, and their rate still to come.
    store.wait_told("CustomMetricsMissing", "bookstore_http_requests_per_second", within=240)
    assert store.told("Available", "True")
