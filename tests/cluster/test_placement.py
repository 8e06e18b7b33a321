"""Pods of a person's own making: where they run, what they are given, and what rolls them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.support.crowd import Crowd
from tests.cluster.support.kube import Kube, Manifest
from tests.cluster.support.lab import RESOURCES, Lab
from tests.cluster.support.nodes import workers
from tests.cluster.support.store import Store
from tests.support.poll import eventually

LABEL, TAINT = "example.com/pool", "example.com/shops"


@contextmanager
def tainted(kube: Kube, node: str) -> Iterator[None]:
    """Let a node be of a pool, and take only pods that tolerate it."""
    kube.kubectl("label", "node", node, f"{LABEL}=shops", "--overwrite")
    kube.kubectl("taint", "node", node, f"{TAINT}=only:NoSchedule", "--overwrite")
    try:
        yield
    finally:
        kube.kubectl("taint", "node", node, f"{TAINT}-")
        kube.kubectl("label", "node", node, f"{LABEL}-")


@pytest.fixture
def pool(kube: Kube) -> Iterator[str]:
    """Name the one node of a pool."""
    node = workers(kube)[0]
    with tainted(kube, node):
        yield node


def environment(store: Store) -> dict[str, str]:
    """Return the environment of a pod that runs."""
    lines = store.exec(store.pods()[0], "cat", "/proc/1/environ").split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_pods_go_where_the_spec_says_and_a_migration_follows(lab: Lab, pool: str) -> None:
    selector = {"nodeSelector": {LABEL: "nowhere"}}
    store = lab.external(placement=selector)

    def stuck() -> None:
        pods = store.pods("migration")
        assert [pod["status"]["phase"] for pod in pods] == ["Pending"]
        assert pods[0]["spec"]["nodeSelector"] == {LABEL: "nowhere"}

    eventually(stuck, within=60)
    tolerated = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}
    store.edit(placement={"nodeSelector": {LABEL: "shops"}, "tolerations": [tolerated]})
    store.wait_ready()
    assert {pod["spec"]["nodeName"] for pod in store.pods()} == {pool}


def secret(lab: Lab, value: str, **labels: str) -> Manifest:
    data = {"token": base64.b64encode(value.encode()).decode()}
    metadata = {"name": "extra", "namespace": lab.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def test_a_variable_that_changes_rolls_the_pods_once_under_purchases(kube: Kube, lab: Lab) -> None:
    token = {"secretKeyRef": {"name": "extra", "key": "token"}}
    greeting = {"configMapKeyRef": {"name": "words", "key": "hello"}}
    store = lab.external(
        replicas=2,
        web={"workers": 1, "connectionBudget": 20},
        env=[
            {"name": "LOG_LEVEL", "value": "WARNING"},
            {"name": "TOKEN", "valueFrom": token},
            {"name": "GREETING", "valueFrom": greeting},
        ],
    )
    store.wait_told(
        "SecretNotFound", f"{lab.namespace}/extra is not there; create it, or take TOKEN"
    )
    kube.apply(secret(lab, "first"))
    store.wait_told("ConfigMapNotFound", f"{lab.namespace}/words is not there; create it")
    words = {"name": "words", "namespace": lab.namespace}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": words, "data": {"hello": "hi"}}
    kube.apply(config)
    store.wait_ready()
    seen = environment(store)
    assert (seen["LOG_LEVEL"], seen["TOKEN"], seen["GREETING"]) == ("WARNING", "first", "hi")
    # Three pods of a rollout, each with a pool of four and a probe, and a migration.
    assert (seen["WEB_CONCURRENCY"], seen["DB_POOL_SIZE"]) == ("1", "2")

    generation = store.child("Deployment")["metadata"]["generation"]
    with Crowd.of(store) as crowd:
        kube.apply(secret(lab, "first", team="red"))
        kube.apply(secret(lab, "second", team="red"))

        def rolled() -> None:
            store.wait_ready()
            assert environment(store)["TOKEN"] == "second"
            assert len(store.pods()) == 2

        eventually(rolled, within=120)
        store.wait_none_leaving()
    assert store.child("Deployment")["metadata"]["generation"] == generation + 1
    assert crowd.failed == []
    assert crowd.sold() == crowd.bought > 0


def test_a_pod_template_adds_a_sidecar_and_a_mistake_in_it_leaves_the_shop_serving(
    kube: Kube, lab: Lab
) -> None:
    words = {"name": "words", "namespace": lab.namespace}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": words, "data": {"hello": "hi"}}
    kube.apply(config)
    beside = {
        "name": "beside",
        "image": lab.images["APP_IMAGE"],
        "command": ["sleep", "infinity"],
        "resources": RESOURCES,
        "volumeMounts": [{"name": "files", "mountPath": "/files", "subPath": "uploads"}],
    }
    template: Manifest = {
        "labels": {"team": "shops"},
        "containers": [beside],
        "initContainers": [
            {**beside, "name": "first", "command": ["true"]},
            {
                **beside,
                "name": "always",
                "restartPolicy": "Always",
                "startupProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1},
            },
        ],
        "volumes": [{"name": "words", "configMap": {"name": "words"}}],
        "volumeMounts": [{"name": "words", "mountPath": "/etc/words", "readOnly": True}],
    }
    store = lab.external(podTemplate=template)
    store.wait_ready()
    (pod,) = store.pods()
    assert pod["metadata"]["labels"]["team"] == "shops"
    assert store.exec(pod, "cat", "/etc/words/hello") == "hi"
    whoami = kube.kubectl(
        *("exec", "-n", store.namespace, pod["metadata"]["name"], "-c", "beside", "--", "id", "-u")
    )
    assert whoami.strip() == "10001"
    with Crowd.of(store) as crowd:
        mistake = {**beside, "image": "example.invalid/nowhere:1"}
        store.edit(podTemplate={**template, "containers": [mistake]})
        store.wait_told("ImagePullFailed", "correct spec.podTemplate, container beside", within=90)
    assert crowd.failed == []
    assert crowd.bought > 0
    store.edit(podTemplate=None)
    store.wait_ready()
    (pod,) = store.pods()
    assert [one["name"] for one in pod["spec"]["containers"]] == ["web"]
