"""Pods that the namespace refuses are told with the API server's sentence."""

from __future__ import annotations

import pytest

from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import Lab
from tests.support.poll import eventually


@pytest.mark.fault(row=8)
def test_pods_over_a_quota(kube: Kube, lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    used = len(kube.list("Pod", lab.namespace))

    def limit(pods: int) -> None:
        quota: Manifest = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few-pods", "namespace": lab.namespace},
            "spec": {"hard": {"count/pods": str(pods)}},
        }
        kube.apply(quota)

        def counted() -> None:
            status = kube.get("ResourceQuota", lab.namespace, "few-pods").get("status", {})
            assert status.get("hard") == {"count/pods": str(pods)}, status
            assert "used" in status

        eventually(counted, within=30)

    limit(used)
    store.edit(replicas=2)
    store.wait_told("PodsRefused", mentions="few-pods")
    assert store.url(), "the pod of before serves on"

    limit(used + 5)
    store.wait_ready(within=180)


def test_pods_that_admission_refuses(kube: Kube, lab: Lab) -> None:
    store = lab.external()
    store.wait_ready()
    ranged: Manifest = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small", "namespace": lab.namespace},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
    }
    kube.apply(ranged)
    store.edit(replicas=2)
    store.wait_told("PodsRefused", mentions="maximum memory usage per Container is 64Mi")
    assert store.url(), "the pod of before serves on"

    kube.delete("LimitRange", lab.namespace, "small")
    store.wait_ready(within=180)
