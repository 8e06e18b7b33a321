"""Web: the Deployment of the shop, its environment and its account."""

from typing import Any, ClassVar

from bookstore_operator.api.status import ConditionType, Reason
from bookstore_operator.components.base import Component
from bookstore_operator.components.credentials import config_hash
from bookstore_operator.components.database.connection import Connection
from bookstore_operator.components.migration import serving_image
from bookstore_operator.components.pods import explain
from bookstore_operator.kinds import POD, Manifest, Ref
from bookstore_operator.manifests import (
    CONFIG_HASH,
    child,
    container_security,
    pod_security,
    scratch,
)
from bookstore_operator.observed import Observed, Query
from bookstore_operator.store import Store
from bookstore_operator.verdict import Verdict, failed, ready, waiting

COMPONENT = "web"
PORT = 5000
METRICS_PORT = 9100
"""Where the shop's metrics are, inside the cluster alone: the Service does not lead there."""

FILES = {"uploads": "/app/uploads", "backups": "/app/backups"}
"""Folders of the one claim, and where the shop finds them."""

DRAIN = 10
"""Seconds that a pod serves on after it was taken out of the Service, while proxies learn it."""


class Web(Component):
    """Run the shop's pods."""

    condition: ClassVar = ConditionType.WEB_READY
    awaited: ClassVar = Reason.WAITING_FOR_WEB
    requires: ClassVar = (ConditionType.CREDENTIALS_READY,)
    begins_after: ClassVar = (ConditionType.STORAGE_READY, ConditionType.DATABASE_READY)

    def observes(self, store: Store) -> list[Ref]:
        """Return account, environment and Deployment."""
        return [store.account, store.config, store.web]

    def begun(self, store: Store, seen: Observed) -> bool:
        """Return whether the shop was started before; it then outlives what others wait for."""
        return seen.get(store.web) is not None or store.status.image is not None

    def desired(self, store: Store, seen: Observed) -> list[Manifest]:
        """Return account, environment and Deployment."""
        config = child(store, store.config, COMPONENT, data=environment(store))
        account = child(store, store.account, COMPONENT, automountServiceAccountToken=False)
        return [account, config, _deployment(store, seen)]

    def inquires(self, store: Store, seen: Observed) -> list[Query]:
        """Return the pods while not all are ready."""
        return [] if _settled(store, seen.get(store.web)) else [_pods(store)]

    def judge(self, store: Store, seen: Observed) -> Verdict:
        """Judge whether all wanted pods run the wanted image and are ready, and why not."""
        live = seen.get(store.web)
        if live is None:
            return waiting(Reason.PODS_NOT_READY, "The pods are about to start.")
        image = serving_image(store, seen)
        if not _settled(store, live):
            fault = explain(seen.found(_pods(store)), image, "spec.image", seen.now)
            return fault or _progress(store, live, image)
        if image != store.spec.image:
            return waiting(
                Reason.WAITING_FOR_MIGRATION,
                f"Image {image} serves until the schema is that of image {store.spec.image}.",
            )
        return ready(f"All pods of image {image} are ready.")


def environment(store: Store) -> dict[str, str]:
    """Return the shop's environment as far as it is not secret."""
    return Connection.of(store).settings() | {
        "FLASK_ENV": "production",
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "UPLOADS_DIR": FILES["uploads"],
        "BACKUPS_DIR": FILES["backups"],
        "FORWARDED_HOPS": "0",
    }


def rolled_out(store: Store, seen: Observed) -> str | None:
    """Return the image that all pods run and are ready with, or None while they do not."""
    live = seen.get(store.web)
    if live is None or not _settled(store, live):
        return None
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


def _pods(store: Store) -> Query:
    return Query.of(POD, store.selector(COMPONENT))


def _settled(store: Store, live: Manifest | None) -> bool:
    """Return whether the Deployment's controller has seen the spec and all pods are ready.

    Source: Kubernetes, "Deployments", complete deployment.
    """
    if live is None:
        return False
    status = live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return False
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    found = {live["spec"].get("replicas"), *(status.get(count, 0) for count in counts)}
    return found == {store.spec.desired_replicas}


def _progress(store: Store, live: Manifest, image: str) -> Verdict:
    conditions = {c["type"]: c for c in live.get("status", {}).get("conditions", [])}
    if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return failed(
            Reason.ROLLOUT_STALLED,
            f"new pods of image {image} do not get ready; see kubectl logs -n {store.namespace} "
            f"deployment/{store.name}, then correct spec.image or what they wait for",
        )
    ready_pods = live.get("status", {}).get("availableReplicas", 0)
    if ready_pods >= store.spec.desired_replicas:
        return waiting(Reason.ROLLOUT_IN_PROGRESS, f"Pods are replaced by ones of image {image}.")
    return waiting(
        Reason.PODS_NOT_READY, f"{ready_pods} of {store.spec.desired_replicas} pods are ready."
    )


def _deployment(store: Store, seen: Observed) -> Manifest:
    spec = {
        "replicas": store.spec.desired_replicas,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": 300,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "selector": {"matchLabels": store.selector(COMPONENT)},
        "template": {
            "metadata": {
                "labels": store.labels(COMPONENT),
                "annotations": {CONFIG_HASH: _config_hash(store, seen)},
            },
            "spec": _pod(store, serving_image(store, seen)),
        },
    }
    return child(store, store.web, COMPONENT, spec=spec)


def _config_hash(store: Store, seen: Observed) -> str:
    """Return what changes when a running pod's environment is no longer the wanted one."""
    secrets = Connection.of(store).confidential(store, seen)
    return config_hash(store, seen, [environment(store), secrets])


def _pod(store: Store, image: str) -> Manifest:
    ca_volumes, _ = Connection.of(store).volumes()
    volumes, _ = scratch(tmp="/tmp")  # noqa: S108 - the container's
    files = {"name": "files", "persistentVolumeClaim": {"claimName": store.files.name}}
    return {
        "serviceAccountName": store.account.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": 45,
        **_placement(store),
        "containers": [_container(store, image)],
        "volumes": [files, *volumes, *ca_volumes],
    }


def _placement(store: Store) -> Manifest:
    """Spread the pods over nodes, or keep them where a volume of one node is.

    Pods of another revision are not counted, so that a rollout ends as evenly as it began. Source:
    Kubernetes, "Pod Topology Spread Constraints".
    """
    selector = {"matchLabels": store.selector(COMPONENT)}
    if store.spec.storage.claim:
        term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
        return {
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        }
    constraints: list[dict[str, Any]] = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector,
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
    return {"topologySpreadConstraints": constraints}


def _container(store: Store, image: str) -> Manifest:
    connection = Connection.of(store)
    _, ca_mounts = connection.volumes()
    _, mounts = scratch(tmp="/tmp")  # noqa: S108 - the container's
    folders = [
        {"name": "files", "mountPath": path, "subPath": name} for name, path in FILES.items()
    ]
    return {
        "name": "web",
        "image": image,
        "args": ["serve"],
        "envFrom": [{"configMapRef": {"name": store.config.name}}],
        "env": connection.secrets(store),
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "resources": store.spec.resources.manifest(),
        "securityContext": container_security(),
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN}}},
        "startupProbe": _probe("/healthz", period=1, failures=120),
        "readinessProbe": _probe("/readyz", period=3, failures=2),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "volumeMounts": [*folders, *mounts, *ca_mounts],
    }


def _probe(path: str, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
