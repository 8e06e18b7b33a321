"""What several components know of the shop's pods: ports, labels, conditions."""

from bookstore_operator.api.conditions import ConditionType
from bookstore_operator.engine.view import Query, View
from bookstore_operator.kube.kinds import POD
from bookstore_operator.kube.objects import Manifest
from bookstore_operator.store import Store

WEB, DATABASE, MIGRATION = "web", "database", "migration"
"""The components of the store's pods, as their labels name them."""

PORT = 5000
HTTPS_PORT = 5443
"""Where what a load balancer decrypted comes in, so that the shop can tell it from plain http."""
METRICS_PORT = 9100
"""Where the shop's metrics are, inside the cluster alone: the Service does not lead there."""

AVAILABLE_PODS = "availableReplicas"

WEB_READY = ConditionType("WebReady", "All wanted pods run the wanted image and are ready.")
MAIL_READY = ConditionType("MailReady", "The shop knows the server that sends its mail.")
SCHEMA_MIGRATED = ConditionType(
    "SchemaMigrated", "The database's schema is that of the wanted image."
)


def web_pods(store: Store) -> Query:
    """Return the query for the shop's pods."""
    return Query.of(POD, store.selector(WEB))


def complete_rollout(store: Store, view: View) -> str | None:
    """Return the image that all pods run and are ready with, or None while they do not."""
    live = view.get(store.web)
    if live is None or not is_complete(store, live):
        return None
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


def is_complete(store: Store, live: Manifest) -> bool:
    """Return whether the Deployment's controller has seen the spec and all pods are ready.

    Source: Kubernetes, "Deployments", complete deployment.
    """
    status = live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return False
    counts = ("replicas", "updatedReplicas", "readyReplicas", AVAILABLE_PODS)
    found = {live["spec"].get("replicas"), *(status.get(count, 0) for count in counts)}
    return found == {store.spec.desired_replicas}
