"""What the bench applies beside the operator: the operator's fields, and nothing of the cluster."""

from __future__ import annotations

from tests.bench.replay import MANAGER, portable, renamed

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "shop-svc",
        "namespace": "market",
        "uid": "u",
        "labels": {"app": "shop", "theirs": "yes"},
        "ownerReferences": [{"uid": "s", "kind": "BookStore"}],
        "finalizers": ["service.kubernetes.io/load-balancer-cleanup", "bookstore.dev/ours"],
        "managedFields": [
            {
                "manager": MANAGER,
                "operation": "Apply",
                "fieldsV1": {
                    "f:metadata": {
                        "f:labels": {"f:app": {}},
                        "f:finalizers": {'v:"bookstore.dev/ours"': {}},
                        "f:ownerReferences": {'k:{"uid":"s"}': {}},
                    },
                    "f:spec": {
                        "f:ports": {
                            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}
                        },
                        "f:selector": {},
                    },
                },
            },
            {
                "manager": MANAGER,
                "operation": "Update",
                "fieldsV1": {"f:spec": {"f:type": {}}},
            },
            {
                "manager": "a-controller",
                "operation": "Update",
                "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}},
            },
            {
                "manager": MANAGER,
                "operation": "Update",
                "subresource": "status",
                "fieldsV1": {"f:status": {}},
            },
        ],
    },
    "spec": {
        "type": "LoadBalancer",
        "clusterIP": "10.96.0.9",
        "selector": {"app": "shop"},
        "ports": [
            {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30123},
            {"name": "more", "port": 81, "protocol": "TCP", "nodePort": 30124},
        ],
    },
    "status": {"loadBalancer": {}},
}


def test_the_operators_fields_are_kept_and_no_others() -> None:
    assert portable(SERVICE) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop-svc", "namespace": "market", "labels": {"app": "shop"}},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": "shop"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        },
    }


def test_names_are_replaced_wherever_they_stand() -> None:
    (copy,) = renamed([portable(SERVICE)], {"market": "elsewhere", "shop": "stall"})
    assert copy["metadata"]["name"] == "stall-svc"
    assert copy["metadata"]["namespace"] == "elsewhere"
    assert copy["spec"]["selector"] == {"app": "stall"}
