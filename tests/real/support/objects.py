"""What people write for the parts to act on, and what parts say of it."""

from __future__ import annotations

from typing import Any

from tests.cluster.support.kube import Kube, Manifest
from tests.support.poll import eventually


def ingress(
    namespace: str,
    name: str,
    host: str,
    service: str,
    class_name: str,
    *,
    secret: str = "",
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """Return an Ingress that sends a host's requests to port 80 of a Service."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec: dict[str, Any] = {
        "ingressClassName": class_name,
        "rules": [{"host": host, "http": {"paths": [path]}}],
    }
    if secret:
        spec["tls"] = [{"hosts": [host], "secretName": secret}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": spec,
    }


def gateway(namespace: str, name: str, class_name: str, *listeners: Manifest) -> Manifest:
    """Return a Gateway with listeners, as whoever keeps the cluster writes it."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayClassName": class_name, "listeners": list(listeners)},
    }


def wait_condition(
    kube: Kube, kind: str, namespace: str, name: str, condition: str, within: float
) -> None:
    """Wait until a condition of an object is True for its present generation."""

    def true() -> None:
        found = kube.get(kind, namespace, name)
        told = {one["type"]: one for one in found.get("status", {}).get("conditions", [])}
        held = told.get(condition, {})
        assert held.get("status") == "True", f"{kind} {name} is not {condition}: {told}"
        assert held.get("observedGeneration", 0) in (0, found["metadata"]["generation"]), held

    eventually(true, within=within)


def host_name(live: Manifest) -> str:
    """Return the name that a load balancer's controller gave a Service or an Ingress.

    Raises an AssertionError while it has none.
    """
    given = live.get("status", {}).get("loadBalancer", {}).get("ingress")
    assert given, f"{live['kind']} {live['metadata']['name']} has no load balancer"
    return str(given[0]["hostname"])
