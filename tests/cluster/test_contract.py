"""What the API server makes of a BookStore that fits: defaults, allowed changes, scale."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookstore_operator.api.spec import BookStoreSpec
from tests.cluster.support.kube import Kube, Manifest

EXTERNAL: Manifest = {
    "image": "bookstore/app:1.0.0",
    "database": {"external": {"host": "db.example.com", "credentialsSecretRef": {"name": "db"}}},
    "storage": {"efs": {"fileSystemId": "fs-0123456789abcdef0"}},
    "state": "Paused",
}
EMBEDDED: Manifest = {
    "image": "bookstore/app:1.0.0",
    "database": {"embedded": {}},
    "storage": {"claim": {}},
    "state": "Paused",
}
DATABASE_MOVED = {
    "host": "standby.example.com",
    "port": 3307,
    "schema": "books",
    "credentialsSecretRef": {"name": "standby", "passwordKey": "pass"},
    "tls": {"mode": "VerifyIdentity", "caSecretRef": {"name": "ca"}},
}


def store(namespace: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": "bookstore.dev/v1",
        "kind": "BookStore",
        "metadata": {"name": "fits", "namespace": namespace},
        "spec": spec,
    }


@pytest.mark.parametrize("spec", [EXTERNAL, EMBEDDED], ids=["external", "embedded"])
def test_the_api_server_fills_in_the_defaults_that_the_operator_knows(
    kube: Kube, namespace: str, spec: Manifest
) -> None:
    stored = kube.apply(store(namespace, spec))
    assert stored["spec"] == BookStoreSpec.model_validate(spec).manifest()


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        pytest.param(EXTERNAL, {"image": "bookstore/app@sha256:" + "0a" * 32}, id="image"),
        pytest.param(EXTERNAL, {"replicas": 0}, id="stop"),
        pytest.param(EXTERNAL, {"deletionPolicy": "Delete"}, id="deletion-policy"),
        pytest.param(EXTERNAL, {"database": {"external": DATABASE_MOVED}}, id="database-server"),
        pytest.param(
            EXTERNAL,
            {"exposure": {"loadBalancer": {"port": 8080, "nodePort": 30099}}},
            id="ports",
        ),
        pytest.param(
            EXTERNAL, {"resources": {"requests": {"cpu": 1}, "limits": {"cpu": "1500m"}}}, id="cpu"
        ),
        pytest.param(EMBEDDED, {"storage": {"claim": {"size": "1025Mi"}}}, id="larger-claim"),
        pytest.param(
            EMBEDDED,
            {"database": {"embedded": {"image": "mysql:8.4.1", "storage": {"size": "2Gi"}}}},
            id="larger-database",
        ),
    ],
)
def test_what_may_change_on_a_live_store_is_accepted(
    kube: Kube, namespace: str, spec: Manifest, change: dict[str, Any]
) -> None:
    kube.apply(store(namespace, spec))
    assert kube.apply(store(namespace, spec | change))["metadata"]["generation"] == 2


def test_a_store_scales_like_any_workload(kube: Kube, namespace: str) -> None:
    kube.apply(store(namespace, EXTERNAL))
    kube.kubectl("scale", "bookstore/fits", "--replicas=5", "--namespace", namespace)
    shown = json.loads(kube.kubectl("get", "bs", "fits", "--namespace", namespace, "-o", "json"))
    assert shown["spec"]["replicas"] == 5


def test_every_field_of_the_spec_is_explained(kube: Kube) -> None:
    told = kube.kubectl("explain", "bookstores.spec", "--recursive")
    for field in BookStoreSpec.model_json_schema(by_alias=True)["properties"]:
        assert f"  {field}\t" in told
