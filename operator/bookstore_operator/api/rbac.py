"""The operator's ClusterRole and Role, made from what its kinds declare."""

from collections.abc import Iterable
from typing import Any


def cluster_role(rights: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Return the operator's ClusterRole as a manifest; there is no wildcard in it.

    Args:
        rights: API group, resource and verb of every call that the operator makes.
    """
    verbs: dict[tuple[str, str], set[str]] = {}
    for group, resource, verb in rights:
        verbs.setdefault((group, resource), set()).add(verb)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), granted in sorted(verbs.items()):
        together.setdefault((group, tuple(sorted(granted))), []).append(resource)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "bookstore-operator"},
        "rules": [
            {"apiGroups": [group], "resources": resources, "verbs": list(granted)}
            for (group, granted), resources in together.items()
        ],
    }


def lease_role(group: str, resource: str, name: str, verbs: Iterable[str]) -> dict[str, Any]:
    """Return the operator's Role in its own namespace, for the one Lease that it holds.

    No right to create can be bound to a name, since the API server does not know it by then.
    """
    named = [verb for verb in verbs if verb != "create"]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "bookstore-operator", "namespace": "bookstore-system"},
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": ["create"]},
            {
                "apiGroups": [group],
                "resources": [resource],
                "resourceNames": [name],
                "verbs": sorted(named),
            },
        ],
    }
