"""What the API server makes of a BookStore that fits: defaults, allowed changes, scale."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bookstore_operator.api.services import SERVICES
from bookstore_operator.bookstore import Spec
from tests.cluster.support.kube import ApiError, Kube, Manifest

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
NLB = "service.beta.kubernetes.io/aws-load-balancer"
BY_ANNOTATIONS: Manifest = {
    "port": 443,
    "loadBalancerClass": "service.k8s.aws/nlb",
    "annotations": {f"{NLB}-scheme": "internet-facing", f"{NLB}-nlb-target-type": "ip"},
}
BY_AWS: Manifest = {
    "host": "books.example.com",
    "loadBalancerClass": "service.k8s.aws/nlb",
    "aws": {"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"},
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
    assert stored["spec"] == Spec.model_validate(spec).manifest()


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
        pytest.param(
            EXTERNAL,
            {"exposure": {"loadBalancer": {"annotations": {"example.com/name": "value"}}}},
            id="exposure-after-none",
        ),
        pytest.param(
            EXTERNAL,
            {"exposure": {"loadBalancer": {"host": "books.example.com", "forwardedHops": 1}}},
            id="host",
        ),
        pytest.param(
            EXTERNAL | {"exposure": {"loadBalancer": BY_ANNOTATIONS}},
            {"exposure": {"loadBalancer": BY_AWS}},
            id="aws-says-what-annotations-said",
        ),
        pytest.param(
            EXTERNAL,
            {"imagePullSecrets": [{"name": "registry"}], "imagePullPolicy": "Always"},
            id="image-pull",
        ),
        pytest.param(EMBEDDED, {"topology": "Microservices"}, id="topology"),
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


LOGINS: Manifest = {
    name: {"database": {"credentialsSecretRef": {"name": name}}} for name in SERVICES
}


def test_a_live_store_moves_to_services_and_back_and_then_needs_their_logins_no_more(
    kube: Kube, namespace: str
) -> None:
    kube.apply(store(namespace, EXTERNAL))
    services = {"topology": "Microservices", "services": LOGINS}
    kube.apply(store(namespace, EXTERNAL | services))
    moving = {"to": "Microservices", "phase": "Leading", "image": "x", "generation": 2}
    for status in ({"topology": "Monolith", "move": moving}, {"topology": "Microservices"}):
        none: Manifest = {"move": None}
        kube.patch("BookStore", namespace, "fits", {"status": none | status}, subresource="/status")
        with pytest.raises(ApiError, match=r"services is taken out while the services still run"):
            kube.apply(store(namespace, EXTERNAL))
    back = kube.apply(store(namespace, EXTERNAL | {"services": LOGINS}))
    assert back["spec"]["topology"] == "Monolith"
    settled = {"status": {"topology": "Monolith", "move": None}}
    kube.patch("BookStore", namespace, "fits", settled, subresource="/status")
    assert "services" not in kube.apply(store(namespace, EXTERNAL))["spec"]


LARGE: Manifest = {
    **EMBEDDED,
    "database": {"embedded": {"storage": {"size": "4Gi"}}},
    "storage": {"claim": {"size": "4Gi"}},
}
SMALLER: Manifest = {
    **EMBEDDED,
    "database": {"embedded": {"storage": {"size": "2Gi"}}},
    "storage": {"claim": {"size": "2.5Gi"}},
}


@pytest.mark.parametrize(
    "volumes",
    [
        pytest.param([], id="no-volume-yet"),
        pytest.param(
            [{"name": "files", "capacity": "2Gi"}, {"name": "database", "capacity": "2Gi"}],
            id="never-resized",
        ),
        pytest.param([{"name": "files"}, {"name": "database"}], id="not-bound"),
    ],
)
def test_a_size_that_a_volume_never_had_can_be_taken_back(
    kube: Kube, namespace: str, volumes: list[Manifest]
) -> None:
    kube.apply(store(namespace, LARGE))
    body = {"status": {"volumes": volumes}}
    kube.patch("BookStore", namespace, "fits", body, subresource="/status")
    kept = kube.apply(store(namespace, SMALLER))["spec"]
    assert kept["storage"]["claim"]["size"] == "2.5Gi"
    assert kept["database"]["embedded"]["storage"]["size"] == "2Gi"


def test_annotations_that_are_too_large_together_are_refused(kube: Kube, namespace: str) -> None:
    # Within the longest value, which is counted in characters, but of four bytes each.
    annotations = {f"example.com/{n}": "\N{OPEN BOOK}" * 4096 for n in range(9)}
    spec = EXTERNAL | {"exposure": {"loadBalancer": {"annotations": annotations}}}
    with pytest.raises(ApiError, match=r"at most 128 KiB together"):
        kube.apply(store(namespace, spec))
    annotations.popitem()
    annotations.popitem()
    kube.apply(store(namespace, spec))


def test_an_autoscaler_can_read_the_replicas_once_they_are_set(kube: Kube, namespace: str) -> None:
    kube.apply(store(namespace, EXTERNAL))
    scale = f"/apis/bookstore.dev/v1/namespaces/{namespace}/bookstores/fits/scale"
    with pytest.raises(ApiError, match=r"replicas field .* does not exist"):
        kube.read(scale)
    kube.kubectl("scale", "bookstore/fits", "--replicas=3", "--namespace", namespace)
    assert json.loads(kube.read(scale))["spec"] == {"replicas": 3}


def test_a_store_scales_like_any_workload(kube: Kube, namespace: str) -> None:
    kube.apply(store(namespace, EXTERNAL))
    kube.kubectl("scale", "bookstore/fits", "--replicas=5", "--namespace", namespace)
    shown = json.loads(kube.kubectl("get", "bs", "fits", "--namespace", namespace, "-o", "json"))
    assert shown["spec"]["replicas"] == 5


def test_every_field_of_the_spec_is_explained(kube: Kube) -> None:
    told = kube.kubectl("explain", "bookstores.spec", "--recursive")
    for field in Spec.model_json_schema(by_alias=True)["properties"]:
        assert f"  {field}\t" in told
