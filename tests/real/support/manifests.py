"""Manifests of what parts have in common: a namespace, an account, a workload, a Service."""

from __future__ import annotations

from typing import Any

from tests.cluster.support.kube import Manifest


def namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def account(namespace: str, name: str) -> list[Manifest]:
    """Return an account that may do all: what a part's own manifests grant is not ours to test."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "namespace": namespace},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{namespace}:{name}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]


def workload(namespace: str, name: str, pod: Manifest, kind: str = "Deployment") -> Manifest:
    """Return a Deployment or DaemonSet of one pod (each)."""
    labels = {"app": name}
    spec: Manifest = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def service(namespace: str, name: str, ports: dict[int, int], **spec: Any) -> Manifest:
    """Return a Service whose ports lead to those of the pods of that name."""
    listed = [
        {"name": f"p{port}", "port": port, "targetPort": target} for port, target in ports.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": listed, **spec},
    }


def answering(port: int, path: str, scheme: str = "HTTP") -> Manifest:
    """Return a probe that asks often, since a test waits for it."""
    return {"httpGet": {"port": port, "path": path, "scheme": scheme}, "periodSeconds": 1}
