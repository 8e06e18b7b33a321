"""Specs of stores that together want every kind of child."""

from __future__ import annotations

from bookstore_operator.kube.objects import Manifest
from tests.component.operator.cluster import Place
from tests.component.operator.stage import Stage

PART_OF = "app.kubernetes.io/part-of"

INGRESS: Manifest = {
    "ingress": {
        "hosts": ["books.example.com"],
        "className": "nginx",
        "tls": {"issuerRef": {"name": "acme"}},
    }
}
SPECS: dict[str, Manifest] = {
    "plain": {"backup": {"schedule": "17 3 * * *"}},
    "busy": {
        "replicas": None,
        "autoscaling": {"minReplicas": 2, "maxReplicas": 4},
        "database": {"embedded": {}},
        "storage": {"claim": {}},
        "exposure": INGRESS,
    },
    "rds": {
        "database": {"rds": {"instanceClass": "db.t4g.medium", "deletionProtection": False}},
        "exposure": {
            "gateway": {
                "parentRefs": [{"name": "public", "sectionName": "https"}],
                "hosts": ["books.example.com"],
            }
        },
    },
    "percona": {"database": {"percona": {}}},
    "microservices": {
        "topology": "Microservices",
        "database": {"embedded": {}},
        "storage": {"claim": {"accessModes": ["ReadWriteMany"]}},
    },
}


async def made(stage: Stage, spec: Manifest) -> None:
    """Make a store, with the Gateway that it may name, and wait until it is ready."""
    gateway: Manifest = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {},
        "spec": {"gatewayClassName": "x", "listeners": [{"name": "https", "protocol": "HTTPS"}]},
        "status": {"addresses": [{"value": "gateway.example.com"}]},
    }
    stage.cluster.apply(("gateways", "books", "public"), gateway, "somebody")
    await stage.made_soon(**spec)


def children(stage: Stage) -> list[Place]:
    """Return where everything is that the operator made for stores."""
    return [
        place
        for place, live in stage.cluster.objects.items()
        if PART_OF in live["metadata"].get("labels", {})
    ]
