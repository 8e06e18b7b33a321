"""What the operator may do: every call that it makes, and the ClusterRole made from the list."""

from dataclasses import dataclass
from typing import Any

from bookstore_operator.api import GROUP, PLURAL

READ = ("get", "list", "watch")
CHILD = (*READ, "create", "patch", "delete")


@dataclass(frozen=True)
class Grant:
    """Be one line of the operator's rights.

    Attributes:
        group: The API group; empty for the core group.
        resources: The resources, a subresource as ``resource/subresource``.
        verbs: The verbs; a server-side apply that creates needs ``create`` beside ``patch``.
        reason: Why the operator needs them.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    reason: str


GRANTS = (
    Grant(GROUP, (PLURAL,), (*READ, "patch"), "follow the stores; patch sets the finalizer"),
    Grant(GROUP, (f"{PLURAL}/status",), ("patch",), "tell what was observed"),
    Grant(
        "",
        ("configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts", "services"),
        CHILD,
        "keep a store's children true",
    ),
    Grant("", ("persistentvolumes",), CHILD, "bind a store to its EFS file system"),
    Grant("apps", ("deployments", "statefulsets"), CHILD, "run the shop and its database"),
    Grant("batch", ("jobs",), CHILD, "migrate the database"),
    Grant("", ("pods",), ("get", "list"), "tell why a pod is not ready"),
    Grant("events.k8s.io", ("events",), ("create",), "tell a person what happened"),
)


def cluster_role() -> dict[str, Any]:
    """Return the operator's ClusterRole as a manifest; there is no wildcard in it."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "bookstore-operator"},
        "rules": [
            {
                "apiGroups": [grant.group],
                "resources": list(grant.resources),
                "verbs": list(grant.verbs),
            }
            for grant in GRANTS
        ],
    }
