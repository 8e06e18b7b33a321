"""Let stores go that hang on the operator's finalizers while no operator is there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from kubectl_bookstore.cluster import Cluster, store_path
from kubectl_bookstore.errors import CommandError
from kubectl_bookstore.objects import Manifest, full_name, name

PREFIX = "bookstore.dev/"
MANAGED = "app.kubernetes.io/managed-by=bookstore-operator"
ACTS = timedelta(seconds=30)


def refuse_while_an_operator_acts(lease: Manifest | None) -> None:
    """Leave the finalizers to an operator that is there.

    Raises:
        CommandError: One has renewed the Lease within half a minute.
    """
    spec = (lease or {}).get("spec", {})
    if not spec.get("holderIdentity") or "renewTime" not in spec:
        return
    if datetime.now(UTC) - datetime.fromisoformat(str(spec["renewTime"])) < ACTS:
        raise CommandError(
            f"The operator {spec['holderIdentity']} acts and lets go by itself what is deleted; "
            "see what it waits for by `kubectl bookstore status`"
        )


def release(cluster: Cluster, namespace: str) -> Iterator[str]:
    """Take our finalizers off what is being deleted in a namespace, and say of what.

    A store that nobody deletes keeps its finalizer, and so do its Secrets.
    """
    stores = cluster.stores(namespace)
    kept = {name(store) for store in stores if "deletionTimestamp" not in store["metadata"]}
    for store in stores:
        path = store_path(namespace, name(store))
        if name(store) not in kept and _let_go(cluster, path, store):
            yield f"BookStore {full_name(store)}"
    secrets = f"/api/v1/namespaces/{quote(namespace)}/secrets"
    for secret in cluster.items(secrets, labelSelector=MANAGED):
        owner = secret["metadata"].get("labels", {}).get("app.kubernetes.io/instance", "")
        path = f"{secrets}/{quote(name(secret))}"
        if owner not in kept and _let_go(cluster, path, secret):
            yield f"Secret {full_name(secret)}"


def _let_go(cluster: Cluster, path: str, live: Manifest) -> bool:
    """Take our finalizers off an object, unless somebody changed its finalizers meanwhile."""
    there = live["metadata"].get("finalizers", [])
    left = [one for one in there if not one.startswith(PREFIX)]
    if left == there:
        return False
    where = "/metadata/finalizers"
    cluster.patch(
        path,
        [
            {"op": "test", "path": where, "value": there},
            {"op": "replace", "path": where, "value": left},
        ],
    )
    return True
