"""What several components know of the shop's pods: ports, labels, conditions."""

from collections.abc import Mapping

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.api.services import ServiceGateway
from bookstore_operator.engine.root import PREFIX
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

WEB, DATABASE, MIGRATION, BACKUP = "web", "database", "migration", "backup"
"""The components of the store's pods, as their labels name them."""

GATEWAY = "gateway"
"""The component of the pods that lead to the services, where the shop runs as such."""

WEB_CONTAINER = "web"
"""The container of the shop within its pods."""

PORT = 5000
HTTPS_PORT = 5443
"""Where what a load balancer decrypted comes in, so that the shop can tell it from plain http."""
INTERNAL_PORT = 5001
"""Where a service is called by the others, and by nobody else."""

METRICS_PORT = 9100
"""Where the shop's metrics are, inside the cluster alone: the Service does not lead there."""

FILES = {"uploads": "/app/uploads", "backups": "/app/backups"}
"""Folders of the one claim, and where the shop finds them."""

HISTORY = 3
"""Former revisions that can be gone back to: ReplicaSets, and the environment of each."""

AVAILABLE_PODS = "availableReplicas"

GIVEN_UP = f"{PREFIX}/given-up-image"
GIVEN_UP_CAUSE = f"{PREFIX}/given-up-cause"
"""Annotations of the Deployment: the image that was taken back, and why."""

WEB_READY = ConditionType("WebReady", "All wanted pods run the wanted image and are ready.")
MAIL_READY = ConditionType("MailReady", "The shop knows the server that sends its mail.")
ENVIRONMENT_READY = ConditionType(
    "EnvironmentReady", "All Secrets and ConfigMaps that spec.env refers to are there."
)
SCHEMA_MIGRATED = ConditionType(
    "SchemaMigrated", "The database's schema is that of the wanted image."
)


def mounts_of(folders: Mapping[str, str]) -> list[Manifest]:
    """Return the mounts of folders of the claim, by where they lie in it."""
    return [{"name": "files", "mountPath": path, "subPath": name} for name, path in folders.items()]


def gateway_of(store: Store) -> ServiceGateway:
    """Return what the spec says of the gateway that leads to the services."""
    return store.spec.services.gateway if store.spec.services else ServiceGateway()


def wanted_gateways(store: Store) -> int:
    """Return how many pods of the gateway shall serve."""
    return 0 if store.spec.hibernated else gateway_of(store).replicas


def is_gateway_complete(store: Store, view: View) -> bool:
    """Return whether the gateway's pods are all of its spec, and ready."""
    live = view.get(store.front)
    if live is None or not _is_seen(live):
        return False
    return set(_pods(live)) == {wanted_gateways(store)}


def front(store: Store) -> dict[str, str]:
    """Return the labels of the pods that take shoppers' requests."""
    return store.selector(GATEWAY if store.leads_to_services else WEB)


def web_pods(store: Store) -> Query:
    """Return the query for the shop's pods."""
    return Query.of(POD, store.selector(WEB))


def image_field(store: Store) -> str:
    """Return the field of the spec that names the image."""
    services = store.spec.services
    own = getattr(services, str(store.part), None) if services else None
    return f"spec.services.{store.part}.image" if own and own.image else "spec.image"


def complete_rollout(store: Store, view: View) -> str | None:
    """Return the image that all pods run and are ready with, or None while they do not."""
    live = view.get(store.web)
    if live is None or not is_complete(store, live):
        return None
    return image_of(live)


def image_of(live: Manifest) -> str:
    """Return the image that a Deployment of the shop wants its pods to run."""
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


def is_stalled(live: Manifest) -> bool:
    """Return whether the Deployment's controller gave up waiting for new pods of its spec.

    Source: Kubernetes, "Deployments", failed deployment.
    """
    if not _is_seen(live):
        return False
    conditions = {one["type"]: one for one in live.get("status", {}).get("conditions", [])}
    return bool(conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded")


def wanted_pods(store: Store, live: Manifest | None) -> int:
    """Return how many pods shall serve: what the spec says, or what the autoscaler chose.

    Args:
        store: The store.
        live: The Deployment, or None where it is not there.
    """
    if store.spec.scaling and live is not None:
        return int(live["spec"].get("replicas", 1))
    return store.spec.least_replicas


def is_complete(store: Store, live: Manifest) -> bool:
    """Return whether the Deployment's controller has seen the spec and all pods are ready.

    While an autoscaler adds pods, those that there are at least suffice, so that a store which
    grows is no less ready. Source: Kubernetes, "Deployments", complete deployment.
    """
    if not _is_seen(live):
        return False
    wanted = wanted_pods(store, live)
    pods, updated, prepared, available = _pods(live)
    if store.spec.scaling:
        least = min(wanted, store.spec.least_replicas)
        return pods == updated and wanted > 0 and min(prepared, available) >= least
    found = {live["spec"].get("replicas"), pods, updated, prepared, available}
    return found == {wanted}


def _is_seen(live: Manifest) -> bool:
    """Return whether the Deployment's controller has seen its spec."""
    seen = live.get("status", {}).get("observedGeneration", 0)
    return bool(seen >= live["metadata"]["generation"])


def _pods(live: Manifest) -> tuple[int, int, int, int]:
    """Return how many pods a Deployment has: all, of its spec, ready, and so for a while."""
    status = live.get("status", {})
    return (
        status.get("replicas", 0),
        status.get("updatedReplicas", 0),
        status.get("readyReplicas", 0),
        status.get(AVAILABLE_PODS, 0),
    )
